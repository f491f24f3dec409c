// Composes the editor's half of every node: one .html beside its .js (form, script, help), catalogues, icon, and the
// page in docs/nodes. The form, the defaults and the labels come from the node's schema, so they cannot differ from
// what the runtime validates; what is written by hand is checked. All problems are reported together.
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync, copyFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { marked } from "marked";

const COLOUR = "#A6D7C4";
const CATEGORY = "tallyflow";
const DEFAULT_LANGUAGE = "en-US";
/** Room for the longest label on one line; inputs take the rest. */
const LABEL_WIDTH = 140;
const INPUT_STYLE = `width: calc(100% - ${LABEL_WIDTH + 10}px)`;

/** The names of the node folders: those that register a node. */
export function nodeNames(root) {
  return readdirSync(path.join(root, "nodes"), { withFileTypes: true })
    .filter(
      (entry) =>
        entry.isDirectory() &&
        existsSync(path.join(root, "nodes", entry.name, "index.ts")) &&
        entry.name !== "runtime",
    )
    .map((entry) => entry.name)
    .sort();
}

/**
 * Compose all nodes into dist/nodes and docs/nodes.
 * @returns what is wrong, one line each; nothing when all is well
 */
export function composeNodes(root) {
  const problems = [];
  for (const name of nodeNames(root)) {
    try {
      composeNode(root, name, problems);
    } catch (error) {
      problems.push(`nodes/${name}: ${error.message}`);
    }
  }
  return problems;
}

/** The `node-red.nodes` map that package.json must have. */
export function nodeMap(root) {
  return Object.fromEntries(nodeNames(root).map((name) => [`tally-${name}`, `dist/nodes/${name}/index.js`]));
}

function composeNode(root, name, problems) {
  const source = path.join(root, "nodes", name);
  const out = path.join(root, "dist/nodes", name);
  const type = `tally-${name}`;
  const say = (problem) => problems.push(`nodes/${name}: ${problem}`);
  const require = createRequire(path.join(root, "package.json"));
  const { schema } = require(path.join(out, "schema.js"));
  if (schema.type !== type) say(`schema.ts is of ${schema.type}, the folder says ${type}`);
  for (const problem of checkRegisterType(readFileSync(path.join(out, "index.js"), "utf8"), type))
    say(`index.ts: ${problem}`);

  const catalogues = readCatalogues(root, name, schema, say);
  const help = readFileSync(path.join(source, "help", `${DEFAULT_LANGUAGE}.md`), "utf8");
  for (const problem of checkHelp(help)) say(`help/${DEFAULT_LANGUAGE}.md: ${problem}`);
  const page = [
    `<script type="text/html" data-template-name="${type}">\n${template(schema)}\n</script>`,
    `<script type="text/javascript">\n${script(root, name, schema)}\n</script>`,
    `<script type="text/html" data-help-name="${type}">\n${helpHtml(help, schema)}\n</script>`,
  ].join("\n\n");
  for (const problem of checkPage(page, schema)) say(`index.html: ${problem}`);
  for (const key of usedKeys(page))
    if (lookUp(catalogues[DEFAULT_LANGUAGE], key) === undefined) say(`the catalogue has no "${key}"`);
  writeFileSync(path.join(out, "index.html"), `${page}\n`);

  for (const [language, catalogue] of Object.entries(catalogues)) {
    const folder = path.join(out, "locales", language);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "index.json"), `${JSON.stringify(catalogue, null, 2)}\n`);
  }
  const icon = path.join(source, "icon.svg");
  if (!existsSync(icon)) say("there is no icon.svg");
  else {
    mkdirSync(path.join(out, "icons"), { recursive: true });
    copyFileSync(icon, path.join(out, "icons", `${type}.svg`));
  }
  const docs = path.join(root, "docs/nodes");
  mkdirSync(docs, { recursive: true });
  writeFileSync(path.join(docs, `${type}.md`), helpMarkdown(help, schema));
}

/** registerType must be called with the type as a literal: tools and people search for it. */
export function checkRegisterType(code, type) {
  const calls = [...code.matchAll(/registerType\(\s*([^,)]*)/g)].map((match) => match[1].trim());
  if (calls.length === 0) return ["does not call registerType"];
  return calls
    .filter((argument) => argument !== `"${type}"` && argument !== `'${type}'`)
    .map((argument) => `registerType is called with ${argument} instead of the literal "${type}"`);
}

/** Help follows Node-RED's order: one sentence, Inputs, Outputs, Details, References. */
export function checkHelp(markdown) {
  const order = ["Inputs", "Outputs", "Details", "References"];
  const headings = [...markdown.matchAll(/^### (.+)$/gm)].map((match) => match[1].trim());
  const problems = [];
  if (/^\s*(#|-|\*|$)/.test(markdown)) problems.push("must begin with a sentence");
  const known = headings.filter((heading) => order.includes(heading));
  if (known.join() !== order.filter((heading) => headings.includes(heading)).join())
    problems.push(`headings must come in the order ${order.join(", ")}`);
  for (const heading of headings) if (!order.includes(heading)) problems.push(`unknown heading "${heading}"`);
  if (!headings.includes("Details")) problems.push("has no Details");
  return problems;
}

/**
 * Run the page's script as the editor would and compare what it registers with the schema: same fields, an empty
 * value that the schema turns into its own default, credentials for secrets.
 */
export function checkPage(page, schema) {
  const code = /<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "";
  const problems = checkRegisterType(code, schema.type);
  let definition;
  const number = (blank) => (value) =>
    (blank && value === "") || (value !== "" && !Number.isNaN(Number(value)));
  vm.runInNewContext(code, {
    RED: {
      nodes: { registerType: (_type, registered) => (definition = registered) },
      validators: { number },
    },
    window: {},
  });
  if (!definition) return [...problems, "nothing is registered"];
  const defaults = definition.defaults ?? {};
  const credentials = definition.credentials ?? {};
  for (const field of schema.fields) {
    const held = field.kind === "secret" ? credentials[field.name] : defaults[field.name];
    if (!held) {
      problems.push(`the editor does not know the field ${field.name}`);
      continue;
    }
    if (field.kind === "secret") continue;
    const unset = held.value === "" || (Array.isArray(held.value) && held.value.length === 0);
    const value = unset ? undefined : held.value;
    const parsed = field.schema.safeParse(value);
    if (!unset && (!parsed.success || JSON.stringify(parsed.data) !== JSON.stringify(field.default)))
      problems.push(
        `the editor's default of ${field.name} is ${JSON.stringify(held.value)}, the schema's ${JSON.stringify(field.default)}`,
      );
  }
  for (const key of [...Object.keys(defaults), ...Object.keys(credentials)])
    if (key !== "name" && !schema.fields.some((field) => field.name === key))
      problems.push(`the editor has the field ${key}, the schema has not`);
  return problems;
}

function readCatalogues(root, name, schema, say) {
  const read = (file) => JSON.parse(readFileSync(file, "utf8"));
  const found = {};
  const folder = path.join(root, "nodes", name, "locales");
  const languages = readdirSync(folder).map((file) => path.basename(file, ".json"));
  if (!languages.includes(DEFAULT_LANGUAGE)) throw new Error(`locales/${DEFAULT_LANGUAGE}.json is missing`);
  for (const language of [DEFAULT_LANGUAGE, ...languages.filter((one) => one !== DEFAULT_LANGUAGE)]) {
    const shared = read(path.join(root, "nodes/runtime/locales", `${language}.json`));
    const { labels = {}, options = {}, columns = {}, ...own } = read(path.join(folder, `${language}.json`));
    const isDefault = language === DEFAULT_LANGUAGE;
    for (const key of [labels, options, columns].flatMap((texts) => Object.keys(texts)))
      if (!schema.fields.some((field) => field.name === key))
        say(`locales/${language}.json has texts for "${key}", which is no field`);
    const fields = {};
    for (const field of schema.fields) {
      const label = isDefault ? field.label : labels[field.name];
      if (!label) say(`locales/${language}.json has no label for "${field.name}"`);
      fields[field.name] = {
        label,
        ...(isDefault
          ? { description: descriptionOf(field), ...textsOf(field, shared, field.options, field.columns) }
          : textsOf(
              field,
              shared,
              options[field.name] && { ...field.options, ...options[field.name] },
              columns[field.name] &&
                Object.entries(columns[field.name]).map(([name, label]) => ({ name, label })),
            )),
      };
    }
    found[language] = mergeDeep(mergeDeep({}, shared), { ...own, fields });
    for (const key of ["label", "palette"]) if (!own[key]) say(`locales/${language}.json has no "${key}"`);
    for (const key of leaves(found[language]))
      if (lookUp(found[DEFAULT_LANGUAGE], key) === undefined)
        say(`locales/${language}.json has "${key}", which ${DEFAULT_LANGUAGE} has not`);
    if (!isDefault)
      for (const key of leaves(read(path.join(root, "nodes/runtime/locales", `${DEFAULT_LANGUAGE}.json`))))
        if (lookUp(found[language], key) === undefined) say(`${language} has no "${key}"`);
  }
  return found;
}

/** What the tooltip says: the meaning, and the environment variable that is the field's other source. */
function descriptionOf(field) {
  return field.env ? `${field.description} (${field.env})` : field.description;
}

/** The texts of a field's choices and columns in one language; those without a translation are left to the default. */
function textsOf(field, shared, options, columns) {
  const names = field.kind === "boolean" ? { true: shared.form.yes, false: shared.form.no } : options;
  const fallback =
    field.default === undefined
      ? shared.form.none
      : `${shared.form.default}: ${names?.[String(field.default)] ?? field.default}`;
  return {
    ...(names ? { options: names, unset: fallback } : {}),
    ...(columns ? { columns: Object.fromEntries(columns.map((column) => [column.name, column.label])) } : {}),
  };
}

function prefixOf(schema) {
  return schema.role === "config" ? "node-config-input-" : "node-input-";
}

function template(schema) {
  const prefix = prefixOf(schema);
  const rows = [
    row(
      "name",
      `<input type="text" id="${prefix}name" style="${INPUT_STYLE}" data-i18n="[placeholder]form.namePlaceholder">`,
      "form.name",
      prefix,
    ),
  ];
  for (const field of schema.fields) {
    const id = `${prefix}${field.name}`;
    const hint = escape(
      String(field.placeholder ?? (field.default === undefined ? "" : plain(field.default))),
    );
    let input = `<input type="text" id="${id}" style="${INPUT_STYLE}" placeholder="${hint}">`;
    if (field.kind === "secret")
      input = `<input type="password" id="${id}" style="${INPUT_STYLE}" placeholder="${hint}" autocomplete="new-password">`;
    if (field.kind === "json")
      input = `<textarea id="${id}" rows="3" spellcheck="false" style="${INPUT_STYLE}; font-family: var(--red-ui-monospace-font); font-size: 12px" placeholder="${hint}"></textarea>`;
    if (field.kind === "list")
      input = `<div style="display:inline-block; width:100%"><ol id="${id}-list"></ol></div>`;
    if (field.kind === "select" || field.kind === "boolean") {
      const values = field.kind === "boolean" ? ["true", "false"] : field.values;
      const options = values.map(
        (value) =>
          `<option value="${escape(value)}" data-i18n="fields.${field.name}.options.${value}"></option>`,
      );
      input = `<select id="${id}${field.kind === "boolean" ? "-choice" : ""}" style="${INPUT_STYLE}"><option value="" data-i18n="fields.${field.name}.unset"></option>${options.join("")}</select>`;
    }
    rows.push(
      row(field.name, input, `fields.${field.name}.label`, prefix, `[title]fields.${field.name}.description`),
    );
  }
  return rows.join("\n");
}

function row(name, input, label, prefix, title) {
  const tip = title ? ` data-i18n="${title}"` : "";
  return `<div class="form-row"${tip}><label for="${prefix}${name}" style="width: ${LABEL_WIDTH}px"><span data-i18n="${label}"></span></label> ${input}</div>`;
}

function script(root, name, schema) {
  const compiled = path.join(root, "dist/.editor");
  // editor.ts, and beside it the parts that it calls: files of the browser's side have no imports.
  const own = readdirSync(path.join(root, "nodes", name))
    .filter((file) => file === "editor.ts" || file.endsWith(".editor.ts"))
    .sort()
    .map((file) => path.join(compiled, name, file.replace(/ts$/, "js")));
  const isConfig = schema.role === "config";
  const defaults = [`name: { value: "" }`];
  const credentials = [];
  for (const field of schema.fields) {
    if (field.kind === "secret") credentials.push(`${field.name}: { type: "password" }`);
    else if (field.kind === "config")
      defaults.push(
        `${field.name}: { value: "", type: ${JSON.stringify(field.config)}, required: ${field.required} }`,
      );
    else if (field.kind === "number")
      defaults.push(`${field.name}: { value: "", validate: RED.validators.number(true) }`);
    // Node-RED takes a text as the reason why a value is wrong only of validators with two parameters.
    else if (field.kind === "list")
      defaults.push(
        `${field.name}: { value: [], validate(rows, _options) { return tallyForm.checkList(this, rows); } }`,
      );
    else if (field.kind === "json")
      defaults.push(
        `${field.name}: { value: "", validate(text, _options) { return tallyForm.checkJson(this, text); } }`,
      );
    else defaults.push(`${field.name}: { value: "" }`);
  }
  const form = {
    type: schema.type,
    prefix: prefixOf(schema),
    fields: schema.fields.map(({ name, kind, columns, when, default: fallback }) => ({
      name,
      kind,
      columns,
      when,
      default: fallback,
    })),
  };
  return `(function () {
${readFileSync(path.join(compiled, "runtime/editor.js"), "utf8").trim()}
${own
  .map((file) =>
    readFileSync(file, "utf8")
      .replace(/^"use strict";\s*/, "")
      .trim(),
  )
  .join("\n")}
const form = ${JSON.stringify(form).replace(/</g, "\\u003c")};
const hooks = tallyHooks[form.type] || {};
RED.nodes.registerType("${schema.type}", {
  category: "${isConfig ? "config" : CATEGORY}",
  color: "${COLOUR}",
  icon: "${schema.type}.svg",
  defaults: {
    ${defaults.join(",\n    ")}
  },
  credentials: {${credentials.length ? ` ${credentials.join(", ")} ` : ""}},
  inputs: ${isConfig || schema.role === "listener" ? 0 : 1},
  outputs: ${schema.outputs},
  label() { return this.name || this._("label"); },
  paletteLabel() { return this._("palette"); },
  labelStyle() { return this.name ? "node_label_italic" : ""; },
  ...(hooks.button ? { button: hooks.button } : {}),
  oneditprepare() { tallyForm.prepare(this, form, hooks); },
  oneditsave() { tallyForm.save(this, form); }
});
})();`;
}

function helpHtml(markdown, schema) {
  const properties = schema.fields
    .map((field) => {
      const places = placesOf(field).map((place) => `<code>${escape(place)}</code>`);
      const fallback =
        field.default === undefined ? "" : ` Default: <code>${escape(plain(field.default))}</code>.`;
      const from = places.length ? ` Also from ${places.join(" or ")}.` : "";
      const type = `<span class="property-type">${typeOf(field)}</span>`;
      return `<dt${field.required ? "" : ' class="optional"'}>${escape(field.label)} ${type}</dt><dd>${escape(field.description)}${fallback}${from}</dd>`;
    })
    .join("\n");
  return withProperties(
    marked.parse(markdown),
    "<h3>References</h3>",
    `<h3>Properties</h3>\n<dl class="message-properties">\n${properties}\n</dl>\n`,
  );
}

function helpMarkdown(markdown, schema) {
  const cell = (text) => String(text).replace(/\|/g, "\\|").replace(/\n/g, " ");
  const lines = schema.fields.map((field) =>
    [
      cell(field.label),
      `\`${field.name}\``,
      typeOf(field),
      field.default === undefined ? (field.required ? "required" : "") : `\`${plain(field.default)}\``,
      field.env ? `\`${field.env}\`` : "",
      field.msgProperty ? `\`msg.${field.msgProperty}\`` : "",
      cell(field.description),
    ].join(" | "),
  );
  const table = `### Properties\n\n| Property | Name | Type | Default | Environment | Message | Meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n${lines.map((line) => `| ${line} |`).join("\n")}\n\n`;
  const notice = `<!-- Written by scripts/build.mjs from the node's help and schema. -->\n`;
  return `${notice}# ${schema.type}\n\n${withProperties(markdown, /^### References$/m, table).trimEnd()}\n`;
}

function withProperties(text, before, properties) {
  const at = typeof before === "string" ? text.indexOf(before) : text.search(before);
  return at < 0 ? `${text.trimEnd()}\n\n${properties}` : `${text.slice(0, at)}${properties}${text.slice(at)}`;
}

function placesOf(field) {
  return [...(field.env ? [field.env] : []), ...(field.msgProperty ? [`msg.${field.msgProperty}`] : [])];
}

function typeOf(field) {
  if (field.kind === "select") return field.values.join(", ");
  if (field.kind === "config") return field.config;
  return { secret: "credential", text: "string", list: "list", json: "JSON" }[field.kind] ?? field.kind;
}

function plain(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function escape(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function usedKeys(page) {
  const attributes = [...page.matchAll(/data-i18n="(?:\[\w+\])?([\w.-]+)"/g)].map((match) => match[1]);
  const calls = [...page.matchAll(/(?<!RED)\._\("([\w.-]+)"/g)].map((match) => match[1]);
  return new Set([...attributes, ...calls]);
}

function lookUp(catalogue, key) {
  return key.split(".").reduce((value, part) => value?.[part], catalogue);
}

function leaves(value, prefix = "") {
  return Object.entries(value).flatMap(([key, inner]) =>
    inner !== null && typeof inner === "object" ? leaves(inner, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}

function mergeDeep(into, from) {
  for (const [key, value] of Object.entries(from)) {
    into[key] = value !== null && typeof value === "object" ? mergeDeep({ ...into[key] }, value) : value;
  }
  return into;
}
