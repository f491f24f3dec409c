import assert from "node:assert/strict";
import { startActualServer, type ActualServer } from "../servers/actual";
import { differential, type Differential } from "./differential";

describe("Actual: the same payments imported by Tallyflow and by Actual itself", function () {
  this.timeout(20 * 60_000);
  let server: ActualServer | undefined;
  let result: Differential;

  before(async function () {
    const started = await startActualServer();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
    const began = Date.now();
    result = await differential(server);
    console.log(`      compared in ${Math.round((Date.now() - began) / 1000)} s`);
    console.log(JSON.stringify({ ...result, kinds: Object.fromEntries(result.kinds) }, null, 1));
  });
  after(() => server?.stop());

  it("x", () => assert.ok(result));
});
