import assert from "node:assert/strict";
import { mkdtemp, rename, rm, truncate, utimes, writeFile, appendFile, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Payment, Store } from "../../../lib/store";
import { openStatementFiles, type StatementFileOptions } from "../../../lib/bank/statements";
import type { PaymentPage } from "../../../lib/bank";
import type { Json } from "../../../lib/values";
import { fixtureText } from "./support";

const timeZone = "Europe/Amsterdam";

const statement = (rowLines: readonly string[], { account = "NL91ABNA0417164300", currency = "EUR" } = {}) =>
  [
    ":20:T",
    `:25:${account}`,
    ":28C:1/1",
    `:60F:C240101${currency}0,`,
    ...rowLines,
    `:62F:C240131${currency}0,`,
    "-",
  ].join("\n");
const coffee = (day: string) => [`:61:2401${day}D3,50NMSCNONREF`, ":86:KOFFIE"];

async function pages(
  options: Partial<StatementFileOptions>,
  cursor: Json = null,
  accountAt = 0,
): Promise<PaymentPage[]> {
  const provider = openStatementFiles({ timeZone, ...options });
  const accounts = await provider.accounts();
  const found: PaymentPage[] = [];
  for await (const page of provider.payments(accounts[accountAt]!, { cursor })) found.push(page);
  await provider.close();
  return found;
}

const ids = (found: readonly PaymentPage[]) =>
  found.flatMap(({ payments }) => payments.map(({ id }: Payment) => id));
const file = (name: string, content: string) => ({ name, content });

describe("provider of statement files", () => {
  it("finds accounts with currency, time zone and the newest balance", async () => {
    const provider = openStatementFiles({
      timeZone,
      files: [file("b.sta", fixtureText("mt940/ing-sepa.sta")), file("a.xml", fixtureText("camt/batch.xml"))],
    });
    assert.deepEqual(await provider.accounts(), [
      {
        id: "files:NL02INGB0001234567/EUR",
        source: "files",
        iban: "NL02INGB0001234567",
        name: "NL02INGB0001234567",
        currency: "EUR",
        timeZone,
        balance: { amount: 136250, at: "2026-01-05T23:59:59.000Z" },
      },
      {
        id: "files:CH9300762011623852957/CHF",
        source: "files",
        iban: "CH9300762011623852957",
        name: "Verein Seeblick",
        currency: "CHF",
        timeZone,
        balance: { amount: 15000, at: "2026-01-05T23:59:59.000Z" },
      },
    ]);
    assert.equal(provider.calls, 0);
  });

  it("gives payments the normal form, with the raw row and errors by file name", async () => {
    const [page] = await pages({
      source: "files:home",
      files: [file("a.xml", fixtureText("camt/batch.xml"))],
    });
    const [first] = page!.payments;
    assert.match(first!.id, /^files:home:[\w-]{22}$/);
    const { id: _id, fetchedAt: _fetchedAt, raw, ...rest } = first!;
    assert.deepEqual(rest, {
      source: "files:home",
      accountId: "files:home:CH9300762011623852957/CHF",
      date: "2026-01-05",
      valueDate: "2026-01-06",
      instant: "2026-01-06T04:30:00.000Z",
      amount: 2550,
      currency: "CHF",
      status: "booked",
      counterparty: { name: "Anna Meier", iban: "CH5604835012345678009" },
      description: "210000000003139471430009017",
      type: "transfer",
      reference: "210000000003139471430009017",
    });
    assert.equal((raw as Record<string, string>)["Amt"], "60.00");
    assert.match(page!.errors[0]!.reason, /^a\.xml: Entry left out/);
  });

  it("keeps ids over re-import, renaming, and another split into files; equal rows of one file stay apart", async () => {
    const january = statement([...coffee("02"), ...coffee("02"), ...coffee("03")]);
    const first = await pages({ files: [file("january.sta", january)] });
    assert.equal(new Set(ids(first)).size, 3);
    assert.deepEqual(ids(await pages({ files: [file("renamed.txt", january)] })), ids(first));
    const overlapping = await pages({
      files: [
        file("jan.sta", january),
        file("later.sta", statement([...coffee("02"), ...coffee("02"), ...coffee("03"), ...coffee("04")])),
      ],
    });
    assert.equal(new Set(ids(overlapping)).size, 4);
    assert.equal(first[0]!.payments[1]!.occurrence, 1);
    assert.equal(first[0]!.payments[0]!.occurrence, undefined);
  });

  it("trusts a bank id, but not a counter, a recycled one or one that names two things", async () => {
    const row = (ref: string, text: string, day = "02", amount = "3,50") => [
      `:61:2401${day}D${amount}NMSCNONREF//${ref}`,
      `:86:${text}`,
    ];
    const idsOf = async (...lines: string[]) => ids(await pages({ files: [file("x", statement(lines))] }));
    // The text changes between exports, the bank's id does not.
    assert.deepEqual(
      await idsOf(...row("BANK4711", "KOFFIE")),
      await idsOf(...row("BANK4711", "Koffie, Amsterdam")),
    );
    assert.notDeepEqual(await idsOf(...row("1", "KOFFIE")), await idsOf(...row("1", "THEE")));
    assert.equal(
      new Set([
        ...(await idsOf(...row("RENT-42", "HUUR", "02"))),
        ...(await idsOf(...row("RENT-42", "HUUR", "30"))),
      ]).size,
      2,
    );
    assert.equal(new Set(await idsOf(...row("CONST-1", "HUUR"), ...row("CONST-1", "THEE"))).size, 2);
    assert.equal(
      (await idsOf(...row("BANK4711", "KOFFIE"), ...row("BANK4711", "KOFFIE"))).length,
      1,
      "the same row twice",
    );
  });

  it("leaves out a statement that stands in a file twice", async () => {
    const text = statement(coffee("02"));
    const [page] = await pages({ files: [file("x", `${text}\n${text}`)] });
    assert.equal(page!.payments.length, 1);
    assert.ok(page!.errors.some(({ reason }) => /stands in the file twice/.test(reason)));
  });

  it("reads a file again only when its content changed, from any page's cursor", async () => {
    const files = [file("a.sta", statement(coffee("02"))), file("b.sta", statement(coffee("03")))];
    const all = await pages({ files });
    assert.equal(all.length, 2);
    assert.deepEqual(ids(await pages({ files }, all[0]!.cursor)), ids([all[1]!]));
    assert.deepEqual(await pages({ files }, all[1]!.cursor), []);
    const renamed = files.map(({ content }, at) => file(`new-${at}`, content));
    assert.deepEqual(await pages({ files: renamed }, all[1]!.cursor), []);
    const grown = [files[0]!, file("b.sta", statement([...coffee("03"), ...coffee("05")]))];
    const again = await pages({ files: grown }, all[1]!.cursor);
    assert.equal(again.length, 1);
    assert.equal(again[0]!.payments.length, 2);
    assert.equal(again[0]!.payments[0]!.id, all[1]!.payments[0]!.id);
    assert.deepEqual(ids(await pages({ files }, "no cursor of ours")), ids(all));
  });

  it("refuses wrong accounts and currencies by row or file, and goes on with the rest", async () => {
    const files = [
      file("mine.sta", statement(coffee("02"))),
      file("other.sta", statement(coffee("02"), { account: "NL20INGB0001234567" })),
      file("dollars.sta", statement(coffee("02"), { currency: "USD" })),
      file("broken.pdf", "%PDF-1.4 nothing"),
    ];
    const found = await pages({ files, account: "NL91ABNA0417164300", currency: "EUR" });
    assert.equal(ids(found).length, 1);
    const errors = found.flatMap((page) => page.errors);
    const codes = errors.map(({ code }) => code).filter((code) => code !== undefined);
    assert.deepEqual(codes.sort(), ["CURRENCY_MISMATCH", "STATEMENT_UNREADABLE", "STATEMENT_WRONG_ACCOUNT"]);
  });

  it("names unreadable files where no account could speak for them", async () => {
    const provider = openStatementFiles({ timeZone, files: [file("letter.txt", "Dear customer")] });
    await assert.rejects(provider.accounts(), { code: "STATEMENT_UNREADABLE", message: /^letter\.txt: / });
    assert.throws(() => openStatementFiles({ timeZone }), { code: "CONFIG_INVALID" });
  });

  it("wants payments since a date only where asked", async () => {
    const provider = openStatementFiles({
      timeZone,
      files: [file("a", statement([...coffee("02"), ...coffee("20")]))],
    });
    const [account] = await provider.accounts();
    for await (const page of provider.payments(account!, { cursor: null, since: "2024-01-10" })) {
      assert.deepEqual(
        page.payments.map(({ date }) => date),
        ["2024-01-20"],
      );
    }
  });

  it("takes the number and the IBAN of the account that is set for the same account, with the same ids", async () => {
    const iban = statement(coffee("02"));
    const number = statement(coffee("02"), { account: "0417164300" });
    const found = await pages({ files: [file("a", iban), file("b", number)], account: "NL91ABNA0417164300" });
    assert.equal(found.length, 2);
    assert.equal(new Set(ids(found)).size, 1);
  });

  it("links a pending payment in the store to the row that booked it", async () => {
    const interim =
      ":20:X\n:25:NL91ABNA0417164300\n:28C:1\n:34F:EUR0,\n:61:240102D3,50NMSCNONREF//BANK4711\n:86:KOFFIE\n-";
    const [before] = await pages({ files: [file("a", interim)] });
    assert.equal(before!.payments[0]!.status, "pending");
    const stored: Payment[] = [...before!.payments];
    // Only what the provider asks of a store: a range of the payments of one account.
    const store = {
      collection: () => ({
        async *scan(query: { equals: string[]; from: string; to: string }) {
          for (const payment of stored) {
            if (
              payment.accountId === query.equals[0] &&
              payment.date >= query.from &&
              payment.date < query.to
            )
              yield payment;
          }
        },
      }),
    } as unknown as Store;
    const booking = (ref: string) =>
      statement([`:61:2401040104D3,50NMSCNONREF//${ref}`, ":86:Koffie Amsterdam"]);
    const [after] = await pages({ files: [file("b", booking("BANK4711"))], store });
    const [booked, pending] = after!.payments;
    assert.deepEqual([booked!.status, pending!.id, pending!.bookedAs], ["booked", stored[0]!.id, booked!.id]);
    const [unrelated] = await pages({ files: [file("c", booking("BANK9999"))], store });
    assert.equal(unrelated!.payments.length, 1);
  });

  it("stops when told to", async () => {
    const provider = openStatementFiles({ timeZone, files: [file("a", statement(coffee("02")))] });
    const [account] = await provider.accounts();
    const signal = AbortSignal.abort();
    await assert.rejects(
      async () => {
        for await (const page of provider.payments(account!, { cursor: null, signal }))
          assert.fail(`a page came: ${page.payments.length}`);
      },
      { name: "AbortError" },
    );
  });

  describe("watched folder", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), "statements-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    /** As a file that was written a while ago. */
    const settled = async (name: string, content: string) => {
      await writeFile(path.join(folder, name), content);
      await utimes(path.join(folder, name), new Date(0), new Date(0));
    };

    it("reads what is there and what comes later, and ignores downloads under way", async () => {
      await settled("a.sta", statement(coffee("02")));
      await settled("b.sta.part", statement(coffee("03")));
      await settled(".hidden", "x");
      const first = await pages({ folder });
      assert.equal(ids(first).length, 1);
      await rename(path.join(folder, "b.sta.part"), path.join(folder, "b.sta"));
      const second = await pages({ folder }, first[0]!.cursor);
      assert.equal(ids(second).length, 1);
      await unlink(path.join(folder, "a.sta"));
      assert.deepEqual(await pages({ folder }, second[0]!.cursor), []);
    });

    it("leaves a file that is still growing for the next run", async () => {
      await settled("a.sta", statement(coffee("02")));
      const growing = path.join(folder, "b.sta");
      await writeFile(growing, statement(coffee("03")).slice(0, 60));
      const looking = pages({ folder, settleMs: 300 });
      const writing = setInterval(() => void appendFile(growing, " "), 20);
      const found = await looking.finally(() => clearInterval(writing));
      assert.equal(ids(found).length, 1);
      await settled("b.sta", statement(coffee("03")));
      assert.equal(ids(await pages({ folder }, found[0]!.cursor)).length, 1);
    });

    it("refuses a huge file without loading it", async () => {
      await settled("a.sta", statement(coffee("02")));
      const huge = path.join(folder, "huge.xml");
      await writeFile(huge, "");
      await truncate(huge, 2 * 1024 ** 3);
      await utimes(huge, new Date(0), new Date(0));
      const found = await pages({ folder });
      assert.equal(ids(found).length, 1);
      assert.match(
        found.flatMap(({ errors }) => errors.map(({ reason }) => reason)).join("\n"),
        /huge\.xml has 2048 MiB; statement files of up to 256 MiB/,
      );
    });

    it("says when the folder cannot be read", async () => {
      await assert.rejects(pages({ folder: path.join(folder, "missing") }), {
        code: "CONFIG_INVALID",
        message: /missing/,
      });
    });
  });

  it("refuses files of which none names its account, saying so for each", async () => {
    const provider = openStatementFiles({
      files: [{ name: "january.csv", content: "Date,Description,Amount\n2026-01-13,Grocer,-45.99\n" }],
      timeZone: "Europe/Amsterdam",
      currency: "EUR",
    });
    await assert.rejects(
      provider.accounts(),
      /january\.csv: The file does not name its account, so its 1 rows/,
    );
  });
});
