// A node's help, written once in Markdown: for the editor's sidebar and for docs/nodes, with the table of its fields.
import { marked } from "marked";
import { escape, plain } from "./texts.mjs";

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

/** For the editor's sidebar. */
export function helpHtml(markdown, schema) {
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

/** For docs/nodes. */
export function helpMarkdown(markdown, schema) {
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
