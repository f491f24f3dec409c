import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanPayee } from "../../lib/values";

describe("clean names of payees", () => {
  const names: Record<string, string> = {
    "SumUp  *Koffie Kar": "Koffie Kar",
    "PAYPAL *STEAM GAMES 35314369001 GB": "Steam Games",
    "iZ *Brood & Co": "Brood & Co",
    "CCV*CAFE DE ZWAAN 448211 AMSTERDAM NLD": "Cafe De Zwaan",
    "ZETTLE_*Bakker": "ZETTLE_*Bakker",
    "BEA, Betaalpas Albert Heijn 1403 UTRECHT": "Albert Heijn",
    "Betaalautomaat 12:31 pas 012 JUMBO 2231": "Jumbo",
    "ALBERT HEIJN 1234\\AMSTERDAM\\NLD": "Albert Heijn",
    "Kartenzahlung REWE SAGT DANKE 05.03.2024 12:31": "Rewe Sagt Danke",
    "SHELL 6123 ROTTERDAM": "Shell",
    "CARTE 12/03/24 BOULANGERIE PAUL": "Boulangerie Paul",
    "J. Jansen": "J. Jansen",
    "NS GROEP BV": "NS Groep BV",
    "Café 't Hoekje": "Café 't Hoekje",
    "7-Eleven": "7-Eleven",
    "3M": "3M",
    "*": "*",
    "  ": "",
    "Польща Маркет 12345 KYIV": "Польща Маркет",
    "寿司 一番": "寿司 一番",
  };
  for (const [raw, name] of Object.entries(names))
    it(`makes "${name}" of "${raw}"`, () => assert.equal(cleanPayee(raw), name));

  it("are never blank where there was a text, stay the same when cleaned again, and are not longer", () => {
    const part = fc.constantFrom(
      ...["SumUp *", "PAYPAL *", "iZ *", "CCV*", "BEA, ", "Betaalautomaat ", "pas 012", "xxxx1234", "12:31"],
      ...[
        "05-03-2024",
        "2024-03-05",
        "5 mrt 24",
        "NLD",
        "\\",
        "1403",
        "AMSTERDAM",
        "Bakker",
        "é",
        " ",
        "*",
        "A1B2C3",
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join(" ")),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (raw) => {
        const name = cleanPayee(raw);
        assert.equal(cleanPayee(name), name);
        assert.equal(name === "", raw.replace(/[\s\p{Cc}]+/gu, "") === "");
        assert.ok(name.toLowerCase().length <= raw.toLowerCase().length);
      }),
      { numRuns: 3000 },
    );
  });
});
