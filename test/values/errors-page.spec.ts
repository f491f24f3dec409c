import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { ERROR_CODES } from "../../lib/values";

describe("docs/errors.md", () => {
  it("has the codes and meanings of the library, no more and no fewer", () => {
    const page = readFileSync(path.resolve(__dirname, "../../../docs/errors.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` *\| (.*?) *\|$/gm)].map((row) => [row[1], row[2]]);
    assert.deepEqual(rows, Object.entries(ERROR_CODES));
  });
});
