// The form of a node and the script that registers it in the editor, from its schema.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { escape, plain } from "./texts.mjs";

const COLOUR = "#A6D7C4";
const CATEGORY = "tallyflow";
/** Room for the longest label on one line; inputs take the rest. */
const LABEL_WIDTH = 140;
const INPUT_STYLE = `width: calc(100% - ${LABEL_WIDTH + 10}px)`;

function prefixOf(schema) {
  return schema.role === "config" ? "node-config-input-" : "node-input-";
}

/** The rows of the form. */
export function template(schema) {
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

/** The script that registers the node, with the editor's shared part and the node's own in it. */
export function script(root, name, schema) {
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
