import assert from "node:assert/strict";
import fc from "fast-check";
import { Seen, type Identifiable } from "../../lib/bank/enable-banking/identity";
import { read } from "./bunq-harness";
import { enableBankingHarness } from "./enable-banking-harness";

const row = (more: Partial<Identifiable> = {}): Identifiable => ({
  status: "booked",
  date: "2025-05-02",
  amount: -250,
  currency: "EUR",
  content: ["Coffee", "Espresso Bar", ""],
  ...more,
});
const ids = (seen: Seen, ...rows: Identifiable[]) => seen.identify(rows).map(({ own }) => own);
/** A new reading in another process. */
const again = (seen: Seen) => {
  const next = new Seen("account", JSON.parse(JSON.stringify(seen.state)) as Seen["state"]);
  next.restart();
  return next;
};
const text = (description: string) => ({ content: [description, "Espresso Bar", ""] });
const ref = (entryReference: string) => ({ entryReference });
const tx = (transactionId: string) => ({ transactionId });

describe("Enable Banking: identity", () => {
  it("numbers equal rows without a reference, over the bounds of pages and in later readings", () => {
    const one = new Seen("account");
    const together = ids(one, row(), row(), row());
    assert.equal(new Set(together).size, 3);
    const other = new Seen("account");
    assert.deepEqual([...ids(other, row()), ...ids(other, row(), row())], together);
    assert.deepEqual(ids(again(other), row(), row(), row()), together);
    assert.deepEqual(ids(again(other), row(), row(), row(), row()).slice(0, 3), together);
    assert.notDeepEqual(ids(new Seen("another account"), row()), ids(new Seen("account"), row()));
  });

  it("knows a row by its reference whatever its text, and takes blanks and placeholders for none", () => {
    const seen = new Seen("account");
    const [id] = ids(seen, row(ref("ABC-12345")));
    assert.deepEqual(ids(again(seen), row({ ...ref(" ABC-12345 "), ...text("Coffee, corrected") })), [id]);
    assert.notEqual(ids(again(seen), row(ref("ABC-12346")))[0], id);
    const plain = ids(new Seen("account"), row())[0];
    for (const none of ["", "  ", "NOTPROVIDED", "Not provided", "000000", "n/a", "1", "00042", "XXXXXXXXX"])
      assert.equal(ids(new Seen("account"), row(ref(none)))[0], plain, none);
  });

  it("tells payments under one recycled reference apart by day and amount", () => {
    const rows = ["2025-03-01", "2025-04-01", "2025-05-01"].map((date) =>
      row({ ...ref("STANDING-ORDER"), date }),
    );
    const dear = row({ ...ref("STANDING-ORDER"), date: "2025-05-01", amount: -300 });
    const found = ids(new Seen("account"), ...rows, dear);
    assert.equal(new Set(found).size, 4);
    assert.deepEqual(ids(new Seen("account"), dear, ...rows.toReversed()).toReversed(), found);
  });

  it("tells payments with the same reference, day and amount apart by their text, in any order", () => {
    const a = row({ ...ref("BATCH-0001"), ...text("Anna") });
    const b = row({ ...ref("BATCH-0001"), ...text("Bert") });
    const c = row({ ...ref("BATCH-0001"), ...text("Carl") });
    const seen = new Seen("account");
    const [anna, bert] = ids(seen, a, b);
    assert.notEqual(anna, bert);
    const later = again(seen);
    const found = ids(later, c, b, a);
    assert.deepEqual(found.slice(1), [bert, anna]);
    assert.ok(!found.slice(1).includes(found[0]!));
  });

  it("takes a row that pages overlap in for one, and equal rows with their own transaction ids for several", () => {
    const unique = row(ref("ABC-12345"));
    const seen = new Seen("account");
    assert.equal(new Set([...ids(seen, unique), ...ids(seen, unique)]).size, 1);
    const bare = new Seen("account");
    assert.equal(new Set([...ids(bare, row(tx("t1"))), ...ids(bare, row(tx("t1")))]).size, 1);
    const several = ids(
      new Seen("account"),
      row({ ...ref("ABC-12345"), ...tx("t1") }),
      row({ ...ref("ABC-12345"), ...tx("t2") }),
    );
    assert.equal(new Set(several).size, 2);
  });

  it("does not trust a reference or a transaction id that stands on other payments too", () => {
    const other = row({ amount: -1, ...ref("CONSTANT-REF"), ...tx("0") });
    const equal = row({ ...ref("CONSTANT-REF"), ...tx("0") });
    assert.equal(new Set(ids(new Seen("account"), other, equal, equal)).size, 3);
    const bare = row(tx("0"));
    assert.equal(new Set(ids(new Seen("account"), row({ amount: -1, ...tx("0") }), bare, bare)).size, 3);
  });

  it("takes no account of transaction ids that change with the session", () => {
    const rows = (session: string) =>
      [1, 2, 3].map((n) => row({ ...(n === 3 ? text("Tea") : {}), ...tx(`${session}-${n}`) }));
    const seen = new Seen("account");
    const first = ids(seen, ...rows("s1"));
    assert.deepEqual(ids(again(seen), ...rows("s2")), first);
  });

  it("tells pending from booked, and forgets what is not read again", () => {
    const seen = new Seen("account");
    assert.notEqual(
      ...(ids(seen, row(ref("ABC-12345")), row({ ...ref("ABC-12345"), status: "pending" })) as [
        string,
        string,
      ]),
    );
    seen.identify([row({ date: "2025-06-20" })]);
    seen.forgetBefore("2025-06-10");
    assert.deepEqual(Object.keys(seen.state.days), ["2025-06-20"]);
  });

  it("stays small on a long history in order, and loses nothing by that", () => {
    const seen = new Seen("account");
    const found = new Set<string>();
    let largest = 0;
    for (let day = 0; day < 600; day++) {
      const date = new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10);
      for (const id of ids(seen, ...Array.from({ length: 20 }, (_, n) => row({ date, amount: -(n >> 1) }))))
        found.add(id);
      largest = Math.max(largest, Object.values(seen.state.days).flat().length);
    }
    assert.equal(found.size, 12_000);
    assert.ok(largest <= 5_020, `${largest} rows remembered`);
  });

  it("gives the same rows the same ids however they are cut into pages and put in order", () => {
    const kind = fc.record({
      day: fc.integer({ min: 1, max: 3 }),
      amount: fc.integer({ min: 1, max: 2 }),
      name: fc.constantFrom("a", "b"),
      reference: fc.constantFrom("", "SHARED-REF", "OTHER-REF"),
    });
    const make = (
      { day, amount, name, reference }: { day: number; amount: number; name: string; reference: string },
      at: number,
    ) => row({ date: `2025-05-0${day}`, amount, ...text(name), ...ref(reference), ...tx(`t${at}`) });
    fc.assert(
      fc.property(
        fc.array(kind, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 7 }),
        fc.infiniteStream(fc.nat()),
        (kinds, size, order) => {
          const rows = kinds.map(make);
          const seen = new Seen("account");
          const first = ids(seen, ...rows);
          assert.equal(new Set(first).size, rows.length);
          const keys = [...order.take(rows.length)];
          const places = rows.map((_, at) => at).sort((a, b) => keys[a]! - keys[b]!);
          let next = again(seen);
          const found = new Map<number, string>();
          for (let at = 0; at < places.length; at += size) {
            const page = places.slice(at, at + size);
            ids(next, ...page.map((place) => rows[place]!)).forEach((id, n) => found.set(page[n]!, id));
            // Another process goes on with the next page.
            next = new Seen("account", JSON.parse(JSON.stringify(next.state)) as Seen["state"]);
          }
          const byContent = (list: (string | undefined)[]) =>
            list.map((id, at) => `${JSON.stringify({ ...rows[at], transactionId: "" })} ${id}`).sort();
          // Rows that are equal in all that lasts may change places among themselves.
          assert.deepEqual(byContent(rows.map((_, at) => found.get(at))), byContent(first));
        },
      ),
      { numRuns: 300 },
    );
  });

  describe("in readings", () => {
    const harness = enableBankingHarness();
    const { ready } = harness;

    it("takes rows that come twice because others came in between for one", async () => {
      for (const reference of [true, false]) {
        const { twin, provider, account } = await ready(
          {
            pageSize: 10,
            shifting: true,
            accessesPerDay: "off",
            ...(reference ? {} : { shape: (row: object) => ({ ...row, entry_reference: null }) }),
          },
          { source: `eb-${reference}`, accessesPerDay: 99 },
        );
        const seen = new Set<string>();
        let doubles = 0;
        let pages = 0;
        for await (const page of provider.payments(account, { cursor: null })) {
          for (const { id } of page.payments) {
            if (seen.has(id)) doubles++;
            seen.add(id);
          }
          if (++pages <= 3)
            twin.control.addPayment({ account: "current", amount: -pages, name: `Between ${pages}` });
        }
        assert.equal(doubles, 3);
        assert.equal(seen.size, twin.control.visible("current").length - 3);
        const { payments } = await read(provider, account, null);
        for (const { id } of payments) seen.add(id);
        assert.equal(seen.size, twin.control.visible("current").length);
      }
    });
  });
});
