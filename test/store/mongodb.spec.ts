import assert from "node:assert/strict";
import { createServer } from "node:net";
import { MongoClient } from "mongodb";
import { migrate, openStore, payments } from "../../lib/store";
import { MongoStore, shardingCommands } from "../../lib/store/mongodb";
import { ferretAccess } from "../../lib/store/mongodb/ferretdb";
import { standardAccess, type Access } from "../../lib/store/mongodb/writes";
import { TallyError } from "../../lib/values";
import { startMongo, type MongoServer } from "../servers/mongo";
import { contract } from "./contract";
import { counters } from "./writer";

/** MongoDB's way of reading and writing, with indexes made as FerretDB can. */
const oneByOne: Access = {
  findByIds: standardAccess.findByIds.bind(standardAccess),
  write: standardAccess.write.bind(standardAccess),
  deleteByIds: standardAccess.deleteByIds.bind(standardAccess),
  createIndexes: ferretAccess.createIndexes.bind(ferretAccess),
};

describe("store: MongoDB", () => {
  let server: MongoServer;
  const database = `tallyflow_test_${process.pid}`;
  before(async function () {
    this.timeout(600_000);
    const started = await startMongo();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
  });
  after(async () => {
    await server?.stop();
  });

  const sizes = () => ({
    scanSize: server.kind === "ferretdb" ? 0 : 200_000,
    propertyRuns: server.kind === "ferretdb" ? 8 : 60,
  });

  describe("contract", function () {
    this.timeout(120_000);
    contract(() => ({
      open: () => openStore({ kind: "mongodb", uri: server.uri, database }),
      atomic: true,
      ...sizes(),
    }));
  });

  describe("contract, asked as MongoDB is asked", function () {
    this.timeout(120_000);
    contract(() => ({
      open: async () => {
        const store = await MongoStore.connect(server.uri, `${database}_plain`, oneByOne);
        await migrate(store);
        return store;
      },
      atomic: server.kind !== "ferretdb",
      ...sizes(),
    }));
  });

  it("keeps its private fields where other readers see them as one field", async () => {
    const store = await openStore({ kind: "mongodb", uri: server.uri, database });
    await store.collection(counters).upsertMany([{ id: "seen", n: 1 }]);
    const client = await MongoClient.connect(server.uri);
    const raw = await client.db(database).collection<{ _id: string }>("counters").findOne({ _id: "seen" });
    assert.deepEqual(Object.keys(raw!).sort(), ["_id", "_t", "n"]);
    await client.close();
    await store.close();
  });

  it("has the server answer after it was killed and started again", async function () {
    this.timeout(60_000);
    if (server.kind === "given") {
      console.log(
        "      skipped: kills its server, which is not done to the one of MONGODB_URI: unset it to run this",
      );
      this.skip();
    }
    const store = await openStore({
      kind: "mongodb",
      uri: `${server.uri}?serverSelectionTimeoutMS=500`,
      database,
    });
    await store.collection(counters).upsertMany([{ id: "kept", n: 1 }]);
    await server.kill();
    try {
      await assert.rejects(store.collection(counters).get("kept"), (error: TallyError) => {
        assert.deepEqual([error.code, error.retryable], ["STORE_UNAVAILABLE", true], error.message);
        return true;
      });
    } finally {
      await server.restart();
    }
    assert.equal((await store.collection(counters).get("kept"))?.n, 1);
    await store.close();
  });

  it("keeps its database to the one that is named: option, URI, tallyflow", async () => {
    const named = await openStore({ kind: "mongodb", uri: `${server.uri}${database}_uri` });
    await named.collection(counters).upsertMany([{ id: "a", n: 1 }]);
    const client = await MongoClient.connect(server.uri);
    assert.equal(await client.db(`${database}_uri`).collection("counters").countDocuments({}), 1);
    await client.close();
    await named.close();
  });
});

describe("store: MongoDB that is not there", () => {
  it("says what to do, without the password", async () => {
    const closed = createServer();
    const port = await new Promise<number>((resolve) => {
      closed.listen(0, "127.0.0.1", () => resolve((closed.address() as { port: number }).port));
    });
    await new Promise((resolve) => closed.close(resolve));
    const uri = `mongodb://anna:s3cr%40t@127.0.0.1:${port}/?serverSelectionTimeoutMS=200`;
    await assert.rejects(openStore({ kind: "mongodb", uri }), (error: TallyError) => {
      assert.equal(error.code, "STORE_UNAVAILABLE");
      assert.equal(error.retryable, true);
      assert.match(error.message, new RegExp(`127.0.0.1:${port} does not answer`));
      assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.cause]), /s3cr|anna/);
      return true;
    });
  });

  it("refuses a URI that is none, without repeating it", async () => {
    for (const uri of [
      "mongodb://anna:s3cret@",
      "mongodb://anna:s3cret@host:port",
      "mongodb://a:s3c/ret@host/?x=y",
    ]) {
      await assert.rejects(openStore({ kind: "mongodb", uri }), (error: TallyError) => {
        assert.equal(error.code, "CONFIG_INVALID", uri);
        assert.doesNotMatch(JSON.stringify([error, error.message, error.stack, error.cause]), /s3c/);
        return true;
      });
    }
  });

  it("names the shard key of every collection", () => {
    assert.deepEqual(shardingCommands("tallyflow", [payments, counters]), [
      'sh.shardCollection("tallyflow.payments", { "accountId": "hashed" })',
      'sh.shardCollection("tallyflow.counters", { "_id": "hashed" })',
    ]);
  });
});
