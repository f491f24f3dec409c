import { startActualServer, type ActualServer } from "../servers/actual";
import type { ActualClient } from "../servers/actual-client";
import { sharedBudget } from "./actual-fixture";
import { actualFaults } from "./actual-faults";
import { actualMeanwhile } from "./actual-meanwhile";
import { actualOwn } from "./actual-own";
import { budgetContract } from "./contract";

describe("Actual on a real server", function () {
  // The first time on a machine the server is installed.
  this.timeout(20 * 60_000);
  let server: ActualServer;
  let client: ActualClient;

  before(async function () {
    const started = await startActualServer();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
    client = await server.client();
  });
  // No test here makes so many requests.
  beforeEach(() => server.makeRoom(120));
  after(async () => {
    await server?.stop();
  });

  describe("in one budget", () => {
    const shared = sharedBudget(
      () => server,
      () => client,
    );
    after(() => shared.close());
    budgetContract("Actual", () => shared.fixture());
  });
  actualOwn(
    () => server,
    () => client,
  );
  actualMeanwhile(
    () => server,
    () => client,
  );
  actualFaults(
    () => server,
    () => client,
  );
});
