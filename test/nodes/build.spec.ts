import assert from "node:assert/strict";
import { readFileSync, readdirSync, existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { NodeSchema } from "../../nodes/runtime";

/** The built nodes as Node-RED loads them, and the checks that the build makes. */

interface Compose {
  nodeNames(root: string): string[];
  nodeMap(root: string): Record<string, string>;
  checkRegisterType(code: string, type: string): string[];
  checkHelp(markdown: string): string[];
  checkPage(page: string, schema: NodeSchema): string[];
}

const root = path.resolve(__dirname, "../../..");
const read = (...parts: string[]) => readFileSync(path.join(root, ...parts), "utf8");
const schemaOf = (name: string) =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a path that is made at run time
  (require(path.join(root, "dist/nodes", name, "schema.js")) as { schema: NodeSchema }).schema;

const names = readdirSync(path.join(root, "nodes"))
  .filter((name) => existsSync(path.join(root, "nodes", name, "index.ts")))
  .filter((name) => name !== "runtime");

describe("built nodes", () => {
  let compose: Compose;
  before(async () => {
    compose = (await import(pathToFileURL(path.join(root, "scripts/compose-nodes.mjs")).href)) as Compose;
  });

  it("are all named in package.json", () => {
    const manifest = JSON.parse(read("package.json")) as { "node-red": { nodes: Record<string, string> } };
    assert.deepEqual(manifest["node-red"].nodes, compose.nodeMap(root));
    assert.deepEqual(
      Object.keys(compose.nodeMap(root)),
      [...names].sort().map((name) => `tally-${name}`),
    );
  });

  for (const name of names) {
    it(`tally-${name} has a form, help, icon, catalogues and a page, in line with its schema`, () => {
      const type = `tally-${name}`;
      const schema = schemaOf(name);
      assert.equal(schema.type, type);
      const page = read("dist/nodes", name, "index.html");
      for (const part of [`data-template-name="${type}"`, `data-help-name="${type}"`])
        assert.ok(page.includes(part));
      assert.deepEqual(compose.checkPage(page, schema), []);
      assert.deepEqual(compose.checkRegisterType(read("dist/nodes", name, "index.js"), type), []);
      assert.match(read("dist/nodes", name, "icons", `${type}.svg`), /^<svg /);
      for (const language of ["en-US", "nl"]) {
        const catalogue = JSON.parse(read("dist/nodes", name, "locales", language, "index.json")) as {
          label: string;
          fields: Record<string, { label: string }>;
        };
        assert.ok(catalogue.label);
        for (const { name: field } of schema.fields)
          assert.ok(catalogue.fields[field]?.label, `${language} ${field}`);
      }
      const docs = read("docs/nodes", `${type}.md`);
      for (const field of schema.fields) {
        assert.ok(docs.includes(`\`${field.name}\``), `docs lack ${field.name}`);
        if (field.env) assert.ok(page.includes(field.env) && docs.includes(field.env));
        if (field.msgProperty) assert.ok(docs.includes(`msg.${field.msgProperty}`));
      }
    });
  }

  it("keep secrets out of the flow file", () => {
    for (const name of names) {
      const secrets = schemaOf(name).fields.filter((field) =>
        /key|token|password|secret|uri$/i.test(field.name),
      );
      for (const field of secrets) assert.equal(field.kind, "secret", `${name}.${field.name}`);
    }
  });

  it("have a description for every value of a list", () => {
    for (const name of names)
      for (const field of schemaOf(name).fields.filter((one) => one.kind === "select"))
        assert.deepEqual(Object.keys(field.options ?? {}), [...field.values], `${name}.${field.name}`);
  });

  it("refuse a type that is no literal", () => {
    assert.deepEqual(compose.checkRegisterType('RED.nodes.registerType("tally-x", y)', "tally-x"), []);
    assert.equal(compose.checkRegisterType("RED.nodes.registerType(type, y)", "tally-x").length, 1);
    assert.equal(compose.checkRegisterType("nothing()", "tally-x").length, 1);
  });

  it("refuse an editor that differs from the schema", () => {
    const schema = schemaOf("view");
    const page = read("dist/nodes/view/index.html");
    const other = (from: string, to: string) => {
      assert.ok(page.includes(from));
      return compose.checkPage(page.replace(from, to), schema);
    };
    assert.match(
      other('limit: { value: ""', 'limit: { value: "51"').join(),
      /default of limit is "51", the schema's 50/,
    );
    assert.match(other("    after: {", "    afterwards: {").join(), /does not know the field after/);
    assert.match(other("    after: {", "    afterwards: {").join(), /has the field afterwards/);
  });

  it("refuse help in another order", () => {
    assert.deepEqual(compose.checkHelp("Does it.\n\n### Inputs\n\n### Details\n"), []);
    assert.equal(compose.checkHelp("Does it.\n\n### Details\n\n### Inputs\n").length, 1);
    assert.equal(compose.checkHelp("# Title\n\n### Details\n").length, 1);
    assert.equal(compose.checkHelp("Does it.\n\n### Usage\n\n### Details\n").length, 1);
  });
});
