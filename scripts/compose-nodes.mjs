// Composes the editor's half of every node: one .html beside its .js (form, script, help), catalogues, icon, and the
// page in docs/nodes. The form, the defaults and the labels come from the node's schema, so they cannot differ from
// what the runtime validates; what is written by hand is checked. All problems are reported together.
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync, copyFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { DEFAULT_LANGUAGE, lookUp, readCatalogues, usedKeys } from "./compose/catalogues.mjs";
import { script, template } from "./compose/form.mjs";
import { checkHelp, helpHtml, helpMarkdown } from "./compose/help.mjs";

export { checkHelp };

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
