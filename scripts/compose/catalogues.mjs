// The texts of a node in each language: what is shared, what the node has of its own, and those of its fields.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

export const DEFAULT_LANGUAGE = "en-US";

/** The catalogue of each language; what is missing or too much goes to `say`. */
export function readCatalogues(root, name, schema, say) {
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

/** The keys of the catalogue that a page asks for. */
export function usedKeys(page) {
  const attributes = [...page.matchAll(/data-i18n="(?:\[\w+\])?([\w.-]+)"/g)].map((match) => match[1]);
  const calls = [...page.matchAll(/(?<!RED)\._\("([\w.-]+)"/g)].map((match) => match[1]);
  return new Set([...attributes, ...calls]);
}

/** The text under a key with dots, or undefined. */
export function lookUp(catalogue, key) {
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
