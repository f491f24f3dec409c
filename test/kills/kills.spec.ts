import assert from "node:assert/strict";
import { startMongo, type MongoServer } from "../servers/mongo";
import { householdOf, killAgainAndAgain, type KillFigures } from "./harness";

/**
 * A few kills of each kind, in every run of the suite. `npm run bench -- kills` does the same with hundreds of them over
 * thousands of payments.
 */
describe("a Node-RED that is killed again and again, with faults by chance", () => {
  it("loses nothing, doubles nothing and leaves nothing lying on the embedded store", async function () {
    this.timeout(600_000);
    assertWhole(await killAgainAndAgain({ kills: 6, household: householdOf(600) }), 6);
  });

  it("nor on MongoDB's protocol, whose server is killed too", async function () {
    this.timeout(900_000);
    const server = await startMongo();
    if ("unavailable" in server) {
      console.log(`      skipped: ${server.unavailable}`);
      return this.skip();
    }
    try {
      const figures = await killAgainAndAgain({
        kills: 4,
        household: { from: "2025-01-01", until: "2025-06-30", budgetedUntil: "2025-03-31", scale: 0.1 },
        storeUrl: `${server.uri}tallyflow_kills_${process.pid}`,
        ...(server.kind === "given" ? {} : { server: server satisfies MongoServer, serverShare: 0.5 }),
        seed: 3,
      });
      assertWhole(figures, 4);
      if (server.kind !== "given") assert.ok(figures.serverKills > 0, "the server was killed");
    } finally {
      await server.stop();
    }
  });
});

function assertWhole(figures: KillFigures, kills: number): void {
  const { lost, doubled, dead, stuck, unequalBalances, toWrite, killedIn } = figures;
  assert.deepEqual(
    { lost, doubled, dead, stuck, unequalBalances },
    { lost: 0, doubled: 0, dead: 0, stuck: {}, unequalBalances: [] },
  );
  assert.ok(toWrite > 50, "there was something to write");
  const hit = Object.values(killedIn).reduce((sum, times) => sum + times, 0);
  assert.ok(hit > kills / 2, `most kills fell into a step: ${JSON.stringify(killedIn)}`);
}
