import assert from "node:assert/strict";
import {
  matchAccount,
  findTransfers,
  nameSimilarity,
  type MatchPayment,
  type MatchTransaction,
  type TransferPayment,
} from "../../lib/matching";
import { addDays } from "../../lib/values";

const paid = (
  id: string,
  date: string,
  amount: number,
  name = "",
  references: string[] = [`TF1:${id}`],
): MatchPayment => ({ id, date, amount, name, references });
const booked = (
  id: string,
  date: string,
  amount: number,
  name = "",
  more: Partial<MatchTransaction> = {},
): MatchTransaction => ({ id, date, amount, name, own: false, ...more });
const shape = (pairs: ReturnType<typeof matchAccount>) =>
  pairs.map((pair) => [pair.paymentId, pair.transactionId, pair.rule]).sort();

describe("matching payments with transactions", () => {
  it("goes by our import id whatever else differs", () => {
    const pairs = matchAccount(
      [paid("p", "2026-01-01", -100)],
      [booked("t", "2026-03-01", -150, "", { importId: "TF1:p", own: true })],
    );
    assert.deepEqual(shape(pairs), [["p", "t", "import-id"]]);
  });

  it("never lets another payment claim a transaction that we wrote", () => {
    const pairs = matchAccount(
      [paid("other", "2026-01-01", -100)],
      [booked("t", "2026-01-01", -100, "", { importId: "TF1:gone", own: true })],
    );
    assert.deepEqual(pairs, []);
  });

  it("goes by another importer's reference only with the same amount", () => {
    const payments = [paid("p", "2026-01-01", -100, "", ["TF1:p", "REF9"])];
    assert.deepEqual(
      shape(matchAccount(payments, [booked("t", "2026-02-20", -100, "", { importId: "REF9" })])),
      [["p", "t", "reference"]],
    );
    assert.deepEqual(matchAccount(payments, [booked("t", "2026-02-20", -101, "", { importId: "REF9" })]), []);
  });

  it("does not go by a reference that two payments share", () => {
    const payments = [
      paid("p1", "2026-01-01", -100, "", ["TF1:p1", "NOTPROVIDED"]),
      paid("p2", "2026-01-20", -100, "", ["TF1:p2", "NOTPROVIDED"]),
    ];
    assert.deepEqual(
      shape(matchAccount(payments, [booked("t", "2026-01-20", -100, "", { importId: "NOTPROVIDED" })])),
      [["p2", "t", "amount-date"]],
    );
  });

  it("of several that bear its references takes our own import id, then the first by id, in whatever order", () => {
    const payments = [paid("p", "2026-01-01", -100, "", ["TF1:p", "REF9"])];
    const rows = [
      booked("a", "2026-01-01", -100, "", { importId: "REF9" }),
      booked("c", "2026-01-01", -100, "", { importId: "TF1:p", own: true }),
      booked("b", "2026-01-01", -100, "", { importId: "TF1:p", own: true }),
    ];
    for (const order of [rows, rows.toReversed()])
      assert.deepEqual(shape(matchAccount(payments, order)), [["p", "b", "import-id"]]);
  });

  it("takes the nearest day, and the likeness of names breaks ties", () => {
    const payments = [paid("far", "2026-01-01", -100, "Cafe"), paid("near", "2026-01-04", -100, "Cafe")];
    assert.deepEqual(shape(matchAccount(payments, [booked("t", "2026-01-04", -100, "Cafe")])), [
      ["near", "t", "amount-date"],
    ]);
    const equal = [
      paid("a", "2026-01-01", -100, "Bakery Smit"),
      paid("b", "2026-01-01", -100, "Garage Jansen"),
    ];
    assert.deepEqual(shape(matchAccount(equal, [booked("t", "2026-01-01", -100, "JANSEN GARAGE BV")])), [
      ["b", "t", "amount-date"],
    ]);
  });

  it("does not match outside of the window or another amount", () => {
    const payments = [paid("p", "2026-01-01", -100)];
    const after = (days: number) => [booked("t", addDays("2026-01-01", days), -100)];
    assert.equal(matchAccount(payments, after(10)).length, 1, "ten days when nothing is said");
    assert.deepEqual(matchAccount(payments, after(11)), []);
    assert.deepEqual(matchAccount(payments, [booked("t", "2026-01-01", 100)]), []);
    assert.equal(matchAccount(payments, after(-6), { windowDays: 6 }).length, 1);
    assert.deepEqual(matchAccount(payments, after(-6), { windowDays: 5 }), []);
    assert.deepEqual(matchAccount(payments, after(1), { windowDays: 0 }), []);
  });

  it("pairs equal rows of one day one-to-one, however many", () => {
    for (const count of [2, 9, 40, 200]) {
      const payments = Array.from({ length: count }, (_, n) => paid(`p${n}`, "2026-01-01", -100));
      const transactions = Array.from({ length: count }, (_, n) => booked(`t${n}`, "2026-01-01", -100));
      assert.equal(matchAccount(payments, transactions).length, count);
    }
  });

  it("says why, and what else could have been meant", () => {
    const payments = [paid("p", "2026-01-01", -100, "Bakery Smit")];
    const later = booked("t", "2026-01-03", -100, "Bakery Smit");
    const [pair] = matchAccount(payments, [later]);
    assert.equal(
      pair!.reason,
      "The same amount 2 days later, and the names are 100 % alike. Nothing else could have been meant.",
    );
    const [second] = matchAccount(payments, [later, booked("u", "2026-01-05", -100, "Garage")]);
    assert.match(second!.reason, /alike\. 1 other could have been meant\.$/);
    assert.ok(second!.confidence < pair!.confidence);
  });
});

describe("pairing own transfers", () => {
  const own = new Map([
    ["NL91ABNA0417164300", "a"],
    ["NL20INGB0001234567", "b"],
  ]);
  const names = new Map([
    ["a", "Current account"],
    ["b", "Holiday savings"],
    ["c", "Holiday savings of Kim"],
  ]);
  const pairs = (rows: readonly TransferPayment[]) => findTransfers(rows, { ibans: own, names }).pairs;
  const side = (id: string, accountId: string, amount: number, date: string, counterpartyIban?: string) => ({
    id,
    accountId,
    amount,
    date,
    currency: "EUR",
    ...(counterpartyIban ? { counterpartyIban } : {}),
  });

  it("pairs opposite amounts that name each other, within three days", () => {
    const found = pairs([
      side("o", "a", -50, "2026-01-01", "NL20INGB0001234567"),
      side("i", "b", 50, "2026-01-03", "NL91 ABNA 0417 1643 00"),
    ]);
    assert.deepEqual(found, [
      {
        outgoing: "o",
        incoming: "i",
        days: 2,
        rule: "iban",
        reason: "A transfer of 0.50 EUR between your own accounts, paired by account number, 2 days apart.",
      },
    ]);
  });

  it("does not pair what is four days apart, names a third account, or names nobody", () => {
    const out = side("o", "a", -50, "2026-01-01", "NL20INGB0001234567");
    assert.deepEqual(pairs([out, side("i", "b", 50, "2026-01-05")]), []);
    assert.deepEqual(pairs([out, side("i", "b", 50, "2026-01-01", "NL02ABNA0123456789")]), []);
    assert.deepEqual(pairs([side("o", "a", -50, "2026-01-01"), side("i", "b", 50, "2026-01-01")]), []);
  });

  it("pairs by the owner's name of an account where no IBAN is named, also when the banks book on different days", () => {
    const out = { ...side("o", "a", -5000, "2026-01-01"), text: "To my HOLIDAY savings" };
    const into = { ...side("i", "b", 5000, "2026-01-03"), name: "J. Doe" };
    const [pair] = pairs([out, into]);
    assert.deepEqual([pair?.outgoing, pair?.incoming, pair?.rule], ["o", "i", "name"]);
    assert.match(pair!.reason, /^A transfer of 50\.00 EUR .* paired by name, 2 days apart\.$/);
    assert.deepEqual(pairs([out, { ...into, date: "2026-01-05" }]), [], "too far apart");
    assert.deepEqual(pairs([{ ...out, text: "Savings" }, into]), [], "half a name");
    assert.deepEqual(
      pairs([{ ...out, counterpartyIban: "NL02ABNA0123456789" }, into]),
      [],
      "a third account",
    );
  });

  it("leaves alone what may belong to several accounts, and says so", () => {
    const out = { ...side("o", "a", -5000, "2026-01-01"), text: "Holiday savings of Kim" };
    const into = [side("i", "b", 5000, "2026-01-02"), side("j", "c", 5000, "2026-01-01")];
    const found = findTransfers([out, ...into], { ibans: own, names });
    assert.deepEqual(found.pairs, []);
    assert.deepEqual(
      found.left.map(({ id }) => id),
      ["o"],
    );
    assert.match(found.left[0]!.reason, /any of 2 accounts/);
  });

  it("pairs across currencies only when a side states both amounts", () => {
    const out = side("o", "a", -5000, "2026-01-01", "NL20INGB0001234567");
    const into = { ...side("i", "b", 5432, "2026-01-02"), currency: "USD" };
    assert.deepEqual(pairs([out, into]), []);
    const [pair] = pairs([{ ...out, original: { amount: -5432, currency: "USD" } }, into]);
    assert.match(pair!.reason, /50\.00 EUR for 54\.32 USD/);
    assert.equal(pairs([out, { ...into, original: { amount: 5000, currency: "EUR" } }]).length, 1);
  });

  it("pairs equal transfers one-to-one, nearest first", () => {
    const out = (n: number) => side(`o${n}`, "a", -50, `2026-01-0${n}`, "NL20INGB0001234567");
    const into = (n: number) => side(`i${n}`, "b", 50, `2026-01-0${n}`, "NL91ABNA0417164300");
    const found = pairs([out(1), out(2), into(2), into(1)]);
    assert.deepEqual(found.map((pair) => `${pair.outgoing}${pair.incoming}`).sort(), ["o1i1", "o2i2"]);
  });
});

describe("the likeness of names", () => {
  it("looks past case, accents, numbers and legal forms", () => {
    assert.equal(nameSimilarity("Café Müller B.V.", "CAFE MULLER 1234"), 1);
    assert.equal(nameSimilarity("Albert Heijn 1234 Utrecht", "Shell"), 0);
    assert.ok(nameSimilarity("Albert Heijn 1234 Utrecht", "Albert Heijn") > 0.7);
    assert.equal(nameSimilarity("", "x"), 0);
  });
});
