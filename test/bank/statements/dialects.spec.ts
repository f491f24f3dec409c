import assert from "node:assert/strict";
import { parseStatement, type ReaderOptions } from "../../../lib/bank/statements";
import { rows } from "./support";

/** Traits of the files of banks that no profile knows; every row is invented. */

const csv = (lines: readonly string[], options?: ReaderOptions) =>
  parseStatement(Buffer.from(lines.join("\r\n") + "\r\n"), options);

const short = (parsed: ReturnType<typeof parseStatement>) =>
  rows(parsed).map(({ date, amount, currency }) => [date, amount, currency]);

const other = (parsed: ReturnType<typeof parseStatement>) =>
  parsed.errors.map(({ reason }) => reason).filter((reason) => !/does not state a currency/.test(reason));

/** Bytes of a text in a code page of one byte, by turning its decoder round. */
function encode(text: string, page: string): Buffer {
  const table = new Map<string, number>();
  for (let byte = 255; byte >= 0; byte -= 1)
    table.set(new TextDecoder(page).decode(Uint8Array.of(byte)), byte);
  return Buffer.from([...text].map((char) => table.get(char) ?? 63));
}

describe("CSV dialects: amounts", () => {
  const amounts = (...cells: string[]) =>
    rows(
      csv(["Date;Description;Amount", ...cells.map((cell, at) => `2024-02-${at + 10};Shop ${at};${cell}`)]),
    ).map(({ amount }) => amount);

  it("reads a minus behind, CR and DR, parentheses, groups of India and Switzerland", () => {
    assert.deepEqual(amounts("12,50-", "1.200,00+"), [-1250, 120000]);
    assert.deepEqual(amounts("12.50 DR", "1,200.00 CR", "1.00 Dr."), [-1250, 120000, -100]);
    assert.deepEqual(amounts("12.50(Dr)", "1,00,200.00 (Cr)"), [-1250, 10020000]);
    assert.deepEqual(amounts("($12.50)", "$(3.00)", "$1,200.00", "(-4.00)"), [-1250, -300, 120000, -400]);
    assert.deepEqual(amounts("-1'250.00", "5’000.00"), [-125000, 500000]);
    assert.deepEqual(amounts("−12,50 zł", "1 200,00 zł"), [-1250, 120000]);
  });

  it("takes thousands for thousands where the currency has no decimals, and decimals where rates prove the mark", () => {
    const yen = csv([
      "Date;Description;Amount;Currency",
      "2024-02-13;Shop;-1.200;JPY",
      "2024-02-14;Pay;25.000;JPY",
    ]);
    assert.deepEqual(short(yen), [
      ["2024-02-13", -1200, "JPY"],
      ["2024-02-14", 25000, "JPY"],
    ]);
    assert.deepEqual(yen.errors, []);
    const card = csv([
      "Date,Amount,Currency,MerchantName,Exchange Rate",
      "2024-02-13,-29.000,CHF,Shop,1.000000",
      "2024-02-14,-12.900,CHF,Cafe,0.848252",
    ]);
    assert.deepEqual(
      rows(card).map(({ amount }) => amount),
      [-2900, -1290],
    );
  });

  it("reads columns of each direction where the other one is a dash, zero or negative", () => {
    const dash = csv([
      "Date;Description;Debit;Credit;Balance",
      "2024-02-01;Shop;12.50;-;87.50",
      "2024-02-02;Pay;-;100.00;187.50",
    ]);
    assert.deepEqual(
      rows(dash).map(({ amount }) => amount),
      [-1250, 10000],
    );
    assert.equal(dash.accounts[0]?.closingBalance?.amount, 18750);
    const zero = csv([
      "Date,Details,Money Out,Money In",
      "13/02/2024,Shop,12.50,0.00",
      "14/02/2024,Pay,0.00,100.00",
    ]);
    assert.deepEqual(
      rows(zero).map(({ amount }) => amount),
      [-1250, 10000],
    );
  });

  it("takes the account's own amount where the amount abroad has the same name", () => {
    const card = csv([
      "Belegdatum;Eingangstag;Verwendungszweck;Fremdwährung;Betrag;Kurs;Betrag;Währung",
      "01.02.2024;02.02.2024;Kaffee;;;;- 3,40;EUR",
      "13.02.2024;14.02.2024;Hotel;USD;- 120,00;1,08;- 111,11;EUR",
    ]);
    assert.deepEqual(
      rows(card).map(({ amount, original }) => [amount, original]),
      [
        [-340, undefined],
        [-11111, { amount: -12000, currency: "USD" }],
      ],
    );
  });

  it("does not take balances, prices or account numbers for amounts", () => {
    for (const header of [
      "Datum;Boeksaldo;Valutair saldo",
      "Date;Price;Market Value",
      "Date;Account Number;Reference",
    ]) {
      assert.throws(() => csv([header, "2024-02-13;13,20;13,20", "2024-02-14;14,20;14,20"]), {
        code: "STATEMENT_UNREADABLE",
      });
    }
  });
});

describe("CSV dialects: dates", () => {
  const dates = (lines: string[], options?: ReaderOptions) =>
    rows(csv(lines, options)).map(({ date }) => date);

  it("completes days without a year from the period of the statement, across New Year", () => {
    assert.deepEqual(
      dates([
        "Account statement,1 December 2023 - 31 January 2024",
        "Date,Description,Amount",
        "30 Dec,Shop,-12.50",
        "02 Jan,Pay,100.00",
      ]),
      ["2023-12-30", "2024-01-02"],
    );
    assert.deepEqual(
      dates([
        "Kontoauszug vom 31.01.2024",
        "",
        "Datum;Text;Betrag",
        "02.01.;Kauf;-12,50",
        "30.12.;Lohn;100,00",
      ]),
      ["2024-01-02", "2023-12-30"],
    );
    assert.deepEqual(
      dates([
        "Statement Date: 01/15/2024",
        "Date,Description,Amount",
        "12/28,Shop,-12.50",
        "01/03,Pay,100.00",
      ]),
      ["2023-12-28", "2024-01-03"],
    );
  });

  it("takes the year from the file's name, and says so where nothing names one", () => {
    const lines = [
      "Date;Reference;Paid Out (CHF);Paid In (CHF)",
      "6 décembre;To Bruce;20,84;",
      "2 novembre;Top-up;;50,00",
    ];
    assert.deepEqual(dates(lines, { fileName: "statement_2019-12-31.csv" }), ["2019-12-06", "2019-11-02"]);
    assert.match(other(csv(lines)).join(), /have no year/);
    const [first] = csv(lines, { fileName: "2019.csv" }).accounts[0]!.payments;
    assert.equal(first?.raw["Date"], "6 décembre");
    assert.equal(first?.description, "To Bruce");
  });

  it("reads seconds since 1970 and days of a spreadsheet in a column of times", () => {
    assert.deepEqual(
      dates(["id,timestamp,amount,currency", "1,1706785200,-12.50,EUR", "2,1706871600,100.00,EUR"]),
      ["2024-02-01", "2024-02-02"],
    );
    assert.deepEqual(
      dates(["created,amount,currency", "1706785200000,-12.50,eur", "1706871600000,9.00,eur"]),
      ["2024-02-01", "2024-02-02"],
    );
    assert.deepEqual(dates(["Date;Description;Amount", "45323;Shop;-12,50", "45337;Pay;100,00"]), [
      "2024-02-01",
      "2024-02-15",
    ]);
  });

  it("reads years of two digits, months of many languages, and dates of East Asia", () => {
    const one = (text: string) =>
      dates(["Date;Description;Amount", `${text};Shop;-12,50`, `${text};Pay;3,00`])[0];
    for (const text of [
      "13/02/24",
      "13 février 2024",
      "13. Februar 2024",
      "13 февраля 2024",
      "13 lutego 2024",
      "13 Şubat 2024",
      "2024. február 13.",
      "2024年2月13日",
      "2024년 2월 13일",
      "令和6年2月13日",
      "13/02/2567",
      "20240213101112",
      "2024-02-13-08.21.36.47192",
      "02/13/2024 as of 02/12/2024",
      "2024:02:13",
    ])
      assert.equal(one(text), "2024-02-13", text);
  });
});

describe("CSV dialects: words and lines", () => {
  it("reads files with names of columns in other languages", () => {
    const cases: [lines: string[], amounts: number[], currency: string, closing?: number][] = [
      [
        [
          "日付,内容,出金金額(円),入金金額(円),残高(円)",
          '2024/2/1,カード,"1,200",,"98,800"',
          '2024/2/13,給与,,"250,000","348,800"',
        ],
        [-1200, 250000],
        "JPY",
        348800,
      ],
      [
        [
          "交易时间,交易对方,商品说明,收/支,金额",
          "2024-02-01 12:13:14,面馆,午餐,支出,12.50",
          "2024-02-02 12:13:14,张三,转账,收入,100.00",
        ],
        [-1250, 10000],
        "CNY",
      ],
      [
        [
          "거래일시,구분,거래금액,거래 후 잔액,내용",
          '2024.02.01 12:13:14,출금,"-12,500","87,500",편의점',
          '2024.02.02 12:13:14,입금,"100,000","187,500",김철수',
        ],
        [-12500, 100000],
        "KRW",
        187500,
      ],
      [
        [
          "Дата операции;Описание;Приход;Расход;Валюта",
          "01.02.2024;Зарплата;33123,56;0;RUR",
          "13.02.2024;Магазин;0;1500;RUR",
        ],
        [3312356, -150000],
        "RUB",
      ],
      [
        [
          "Tarih;Açıklama;Tutar;Bakiye",
          "01.02.2024;Market;-125,50 TL;874,50 TL",
          "13.02.2024;Maaş;5.000,00 TL;5.874,50 TL",
        ],
        [-12550, 500000],
        "TRY",
        587450,
      ],
      [
        [
          "Ημερομηνία;Αιτιολογία;Ποσό;Πρόσημο ποσού",
          "13/2/2024;ΑΓΟΡΑ;12,50;Χ",
          "14/2/2024;ΜΙΣΘΟΣ;1.200,00;Π",
        ],
        [-1250, 120000],
        "EUR",
      ],
      [
        [
          "Data tranzactie,Descriere,Debit,Credit,Sold contabil",
          '2024-02-13,Plata POS,"-12.50",,"87.50"',
          '2024-02-14,Incasare,,"1,200.00","1,287.50"',
        ],
        [-1250, 120000],
        "RON",
        128750,
      ],
    ];
    for (const [lines, amounts, currency, closing] of cases) {
      const parsed = csv(lines);
      assert.deepEqual(
        rows(parsed).map(({ amount }) => amount),
        amounts,
        lines[0],
      );
      assert.equal(parsed.accounts[0]?.currency, currency, lines[0]);
      assert.equal(parsed.accounts[0]?.closingBalance?.amount, closing, lines[0]);
      assert.deepEqual(other(parsed), [], lines[0]);
    }
  });

  it("takes balances from lines above, between and below the rows, and checks them", () => {
    const parsed = csv([
      "Account Number : 0123456,Account Name : A Person,: EUR,,,",
      'Balance at end of period,,,,"187,50",',
      "Date,Operation Number,Label,Debit,Credit,Detail",
      '13/02/2024,1,SHOP,"12,50",,card',
      '14/02/2024,2,ACME,,"100,00",pay',
      'Balance at start of period,,,,"100,00",',
    ]);
    assert.equal(parsed.accounts[0]?.openingBalance?.amount, 10000);
    assert.equal(parsed.accounts[0]?.closingBalance?.amount, 18750);
    assert.equal(rows(parsed).length, 2);
    assert.deepEqual(other(parsed), []);
    const dated = csv([
      "Data;Tekstas;Suma;Valiuta;D/K",
      "2024-02-01;Likutis pradžiai;100.00;EUR;K",
      "2024-02-13;Parduotuvė;12.50;EUR;D",
      "2024-02-29;Apyvarta;12.50;EUR;D",
      "2024-02-29;Likutis pabaigai;87.50;EUR;K",
    ]);
    assert.deepEqual(
      rows(dated).map(({ amount }) => amount),
      [-1250],
    );
    assert.equal(dated.accounts[0]?.openingBalance?.amount, 10000);
    assert.equal(dated.accounts[0]?.closingBalance?.amount, 8750);
  });

  it("reads a balance that stands before each payment", () => {
    const parsed = csv([
      "13-02-2024,NL00ASNB0000000000,NL99ASNB0000000000,J Jansen,,,,EUR,100.00,EUR,-12.50,13-02-2024,13-02-2024,8802,BEA,1,,'Brood',1",
      "14-02-2024,NL00ASNB0000000000,NL98ASNB0000000000,Acme BV,,,,EUR,87.50,EUR,100.00,14-02-2024,14-02-2024,8809,OVB,2,,'Loon',1",
    ]);
    assert.equal(parsed.profile, "asn");
    assert.deepEqual(
      rows(parsed).map(({ amount, balanceAfter, counterparty, description }) => [
        amount,
        balanceAfter,
        counterparty?.name,
        description,
      ]),
      [
        [-1250, 8750, "J Jansen", "Brood"],
        [10000, 18750, "Acme BV", "Loon"],
      ],
    );
    assert.equal(parsed.accounts[0]?.iban, "NL00ASNB0000000000");
    assert.equal(parsed.accounts[0]?.openingBalance?.amount, 10000);
    assert.deepEqual(parsed.errors, []);
    const unknown = csv([
      "Date,Description,Amount,Balance before",
      "2024-02-13,Shop,-12.50,100.00",
      "2024-02-14,Pay,100.00,87.50",
      "2024-02-15,Shop,-7.50,187.50",
    ]);
    assert.deepEqual(
      rows(unknown).map(({ balanceAfter }) => balanceAfter),
      [8750, 18750, 18000],
    );
  });

  it("joins numbered columns of text, drops the name of the product, and takes masked IBANs", () => {
    const parsed = csv([
      "IBAN;DE12 3456 7890 1234 5678 90",
      "",
      "Buchungstag;Produkt;Empfänger/Auftraggeber Name;Empfänger/Auftraggeber IBAN;VWZ1;VWZ2;Betrag;Währung",
      "13.02.2024;Giro;Bäcker;DE12345678901234567899;Rechnung 1;danke;-12,50;EUR",
      "14.02.2024;Giro;Acme;DE12345678901234567898;Lohn;Februar;1.200,00;EUR",
      "15.02.2024;Giro;Kino;DE12345678901234567897;Karten;zwei;-20,00;EUR",
    ]);
    assert.equal(parsed.accounts[0]?.iban, "DE12345678901234567890");
    assert.deepEqual(
      rows(parsed).map(({ counterparty, description }) => [
        counterparty?.name,
        counterparty?.iban,
        description,
      ]),
      [
        ["Bäcker", "DE12345678901234567899", "Rechnung 1 danke"],
        ["Acme", "DE12345678901234567898", "Lohn Februar"],
        ["Kino", "DE12345678901234567897", "Karten zwei"],
      ],
    );
  });

  it("takes a small table about the statement for its preamble", () => {
    const parsed = csv([
      "Umsätze ab;Enddatum;Kontonummer;Saldo;Währung",
      "01.01.2024;15.02.2024;1234567;12.345,67;EUR",
      "",
      "Buchungstag;Wertstellungstag;Verwendungszweck;Umsatz;Währung",
      "20.01.2024;20.01.2024;Kaffee;-3,40;EUR",
      "28.01.2024;28.01.2024;Lohn;2.000,00;EUR",
    ]);
    assert.deepEqual(short(parsed), [
      ["2024-01-20", -340, "EUR"],
      ["2024-01-28", 200000, "EUR"],
    ]);
    assert.deepEqual(parsed.errors, []);
  });

  it("reads a statement without payments as one", () => {
    const parsed = csv(["Date,Description,Amount,Balance"]);
    assert.deepEqual(parsed.accounts, []);
    assert.match(parsed.errors[0]!.reason, /no payments/);
  });
});

describe("code pages", () => {
  const text = (page: string, words: string) => {
    const lines = ["Date;Description;Amount", `2024-02-13;${words};-12,50`, "2024-02-14;Pay;100,00", ""];
    return rows(parseStatement(encode(lines.join("\n"), page)))[0]?.description;
  };

  it("are told by the words of statements", () => {
    for (const [page, words] of [
      ["windows-1250", "Płatność kartą, tytuł: księgarnia"],
      ["windows-1251", "Оплата по карте, перевод"],
      ["koi8-r", "Оплата по карте, перевод"],
      ["ibm866", "Оплата по карте, перевод"],
      ["windows-1253", "Κίνηση λογαριασμού"],
      ["windows-1254", "İşlem açıklaması"],
      ["windows-1257", "Mokėjimas už prekes"],
      ["windows-1252", "Überweisung für Käse, Öl und Gemüse"],
      ["macintosh", "Überweisung für Käse, Öl und Gemüse"],
    ] as const)
      assert.equal(text(page, words), words, page);
  });

  it("of two bytes are told too", () => {
    const bytes = Buffer.concat([
      // 日付,金額,内容 in Shift_JIS
      Buffer.from([0x93, 0xfa, 0x95, 0x74, 0x2c, 0x8b, 0xe0, 0x8a, 0x7a, 0x2c, 0x93, 0xe0, 0x97, 0x65, 0x0a]),
      Buffer.from("2024/02/13,-1200,x\n2024/02/14,3000,y\n"),
    ]);
    assert.deepEqual(short(parseStatement(bytes)), [
      ["2024-02-13", -1200, "JPY"],
      ["2024-02-14", 3000, "JPY"],
    ]);
  });
});

describe("OFX dialects", () => {
  const ofx = (body: string) => parseStatement(`OFXHEADER:100\n<OFX><BANKMSGSRSV1><STMTTRNRS>${body}</OFX>`);
  const payment = (amount: string, id: string) =>
    `<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20240213<TRNAMT>${amount}<FITID>${id}</STMTTRN>`;

  it("reads each amount by its own decimal mark where a bank mixes them", () => {
    const parsed = ofx(
      `<STMTRS><CURDEF>BRL<BANKTRANLIST>${payment("-12,50", "1")}${payment("3.34", "2")}${payment("-1.234,50", "3")}` +
        `</BANKTRANLIST><LEDGERBAL><BALAMT>5.326,43<DTASOF>20240214</LEDGERBAL></STMTRS></STMTTRNRS>`,
    );
    assert.deepEqual(
      rows(parsed).map(({ amount }) => amount),
      [-1250, 334, -123450],
    );
    assert.equal(parsed.accounts[0]?.closingBalance?.amount, 532643);
    assert.deepEqual(parsed.errors, []);
  });

  it("reads every statement where several stand in one response", () => {
    const statement = (account: string, id: string) =>
      `<STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>${account}</BANKACCTFROM><BANKTRANLIST>${payment("-1.00", id)}</BANKTRANLIST></STMTRS>`;
    const parsed = ofx(`${statement("111", "1")}${statement("222", "2")}</STMTTRNRS>`);
    assert.deepEqual(
      parsed.accounts.map(({ id, payments }) => [id, payments.length]),
      [
        ["111", 1],
        ["222", 1],
      ],
    );
  });
});

describe("MT940 and CAMT dialects", () => {
  it("reads marks in small letters and HBCI's line ends", () => {
    const parsed = parseStatement(
      "@@:20:STARTUMS@@:25:49999924/0001581901@@:28C:1@@:60F:C240201EUR10,00@@:61:2402130213d12,50NTRFNONREF@@:86:177?00Kauf?20Brot@@:62F:D240213EUR2,50@@-@@",
    );
    assert.deepEqual(
      rows(parsed).map(({ amount }) => amount),
      [-1250],
    );
    assert.equal(parsed.accounts[0]?.closingBalance?.amount, -250);
    assert.deepEqual(parsed.errors, []);
  });

  it("reads the named parts of a Dutch text in capitals", () => {
    const [transfer, debit] = rows(
      parseStatement(
        [
          ":20:A",
          ":25:555555555",
          ":28C:1",
          ":60F:C240201EUR100,00",
          ":61:2402130213C10,50N658NONREF",
          ":86:SEPA OVERBOEKING                 IBAN: NL91ABNA0417164300",
          "BIC: ABNANL2A                    NAAM: J JANSEN BV",
          "OMSCHRIJVING: FACTUUR 12",
          "KENMERK: 7541410",
          ":61:2402130213D10,50N658NONREF",
          ":86:SEPA INCASSO ALGEMEEN DOORLOPEND INCASSANT: NL40ZZZ878787780000",
          "NAAM: ENERGIE BV                 MACHTIGING: M001",
          "OMSCHRIJVING: TERMIJN",
          "IBAN: NL44RABO0123456789         KENMERK: AA-1",
          ":62F:C240213EUR100,00",
          "-",
        ].join("\r\n"),
      ),
    );
    assert.deepEqual(transfer?.counterparty, { name: "J JANSEN BV", iban: "NL91ABNA0417164300" });
    assert.equal(transfer?.description, "FACTUUR 12");
    assert.equal(transfer?.reference, "7541410");
    assert.deepEqual(debit?.counterparty, { name: "ENERGIE BV", iban: "NL44RABO0123456789" });
    assert.equal(debit?.mandateId, "M001");
    assert.equal(debit?.creditorId, "NL40ZZZ878787780000");
    assert.equal(debit?.description, "TERMIJN");
  });

  it("takes the date of the closing balance for an entry without any, and says so", () => {
    const parsed = parseStatement(
      `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>S</Id><Acct><Id><Othr><Id>1</Id></Othr></Id><Ccy>EUR</Ccy></Acct>` +
        `<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2024-02-13</Dt></Dt></Bal>` +
        `<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts></Ntry></Stmt></BkToCstmrStmt></Document>`,
    );
    assert.deepEqual(short(parsed), [["2024-02-13", 100, "EUR"]]);
    assert.match(parsed.errors[0]!.reason, /no date/);
  });

  const camt = (message: string, statement: string, version: string, entry: string) =>
    parseStatement(
      `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.${version}"><${message}><GrpHdr><MsgId>1</MsgId></GrpHdr><${statement}><Id>S</Id>` +
        `<Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id><Ccy>EUR</Ccy></Acct><Ntry><Amt Ccy="EUR">12.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>${entry}</Ntry></${statement}></${message}></Document>`,
    );

  it("takes an entry without a status for booked in a statement, and for pending in a report unless it has a booking date", () => {
    const date = "<BookgDt><Dt>2024-02-13</Dt></BookgDt>";
    const value = "<ValDt><Dt>2024-02-13</Dt></ValDt>";
    const status = (...given: Parameters<typeof camt>) => rows(camt(...given)).map((row) => row.status);
    assert.deepEqual(status("BkToCstmrStmt", "Stmt", "053.001.13", value), ["booked"]);
    assert.deepEqual(status("BkToCstmrAcctRpt", "Rpt", "052.001.08", value), ["pending"]);
    assert.deepEqual(status("BkToCstmrAcctRpt", "Rpt", "052.001.08", date), ["booked"]);
  });
});

describe("hostile statements", () => {
  const unreadable = (content: Buffer) =>
    assert.throws(() => parseStatement(content), { code: "STATEMENT_UNREADABLE" });

  it("refuses what is no statement, however large", () => {
    unreadable(Buffer.alloc(100 << 20, "a"));
    unreadable(Buffer.alloc(10 << 20, ","));
    unreadable(Buffer.alloc(10 << 20, '"'));
    unreadable(Buffer.alloc(1 << 20));
    unreadable(Buffer.alloc(10 << 20, 0xe4));
  });

  it("refuses document types, and gives up on XML that is broken all over", () => {
    const begin = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>';
    unreadable(Buffer.from(`<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>${begin}&c;`));
    for (const part of ["<Ntry>", "<Ntry></x>", "<a>", "<Stmt>"]) {
      const parsed = parseStatement(begin + part.repeat(100_000));
      assert.equal(rows(parsed).length, 0);
      assert.ok(parsed.errors.length <= 2100, part);
    }
  });

  it("reads on after nonsense without line ends", () => {
    const header = "OFXHEADER:100\n<OFX>";
    for (const part of [
      "<STMTTRN>",
      "<BANKMSGSRSV1><STMTTRNRS>",
      "<",
      "</",
      "<!--",
      "<![CDATA[",
      "<a ",
      " ",
    ]) {
      assert.equal(rows(parseStatement(`${header}<${part.repeat(200_000)}`)).length, 0, part);
    }
  });

  it("cuts a text that is far too long, and keeps its row", () => {
    const parsed = parseStatement(
      `:20:A\n:25:NL91ABNA0417164300\n:60F:C240201EUR10,00\n:61:2402130213D1,00NTRFNONREF\n:86:${"?20x".repeat(500_000)}\n:62F:C240213EUR9,00\n-`,
    );
    assert.equal(rows(parsed).length, 1);
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [5],
    );
  });
});
