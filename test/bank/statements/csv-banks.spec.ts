import assert from "node:assert/strict";
import { csvReader } from "../../../lib/bank/statements/csv";
import { BANKS } from "./csv-banks";

describe("CSV of banks without a profile", () => {
  for (const bank of BANKS) {
    it(bank.bank, () => {
      const text = bank.lines.join("\r\n") + "\r\n";
      assert.ok(csvReader.detect(text) > 0, "is taken for CSV");
      const result = csvReader.read(text, {});
      const payments = result.accounts.flatMap((account) => account.payments);
      assert.deepEqual(
        payments.map((payment) => [payment.date, payment.amount]),
        bank.payments.map(([date, amount]) => [date, amount]),
        JSON.stringify(result.errors),
      );
      bank.payments.forEach(([, , text], index) => {
        if (text !== undefined) assert.equal(payments[index]!.counterparty?.name, text);
        assert.equal(payments[index]!.currency, bank.currency);
        assert.notEqual(payments[index]!.description, "");
      });
      assert.equal(result.accounts[0]!.iban, bank.iban);
      assert.equal(result.accounts[0]!.openingBalance?.amount, bank.open);
      assert.equal(result.accounts[0]!.closingBalance?.amount, bank.close);
      const reasons = result.errors.map((error) => error.reason);
      const assumed = reasons.filter((reason) => /does not state a currency/.test(reason));
      assert.equal(assumed.length > 0, bank.assumed ?? false, reasons.join("\n"));
      const others = reasons.filter((reason) => !assumed.includes(reason));
      assert.equal(others.length, bank.errors?.length ?? 0, others.join("\n"));
      (bank.errors ?? []).forEach((pattern, index) => assert.match(others[index]!, pattern));
    });
  }
});
