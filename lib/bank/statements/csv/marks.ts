import { normaliseHeader } from "./words";

/** Words within rows: which way money went, what is still pending, and lines that are totals and no payments. */

const OUT = new Set(
  "af d dr debit debet debito debe dare soll s out outflow uit uitgaand - dbit charge belastung lastschrift cargo addebito saida uttag ut wydatek obciazenie vydaj odchozi debitering kiadas terheles deebet debets withdrawal o outgoing sale purchase send sent spend depense uscita gasto debited outward db t χ 支出 支 出 出金 출금 расход списание borc χρεωση keluar rashod isplata".split(
    " ",
  ),
);
const IN = new Set(
  "bij c cr credit kredit credito haber h avere haben a in inflow ingaand + crdt gutschrift abono accredito entrada insattning inn wplyw uznanie prijem prichozi kredyt bevetel jovairas kreedit kredits k deposit i incoming receive received recette entrata ingreso payment refund return credited inward j kr π 収入 收入 收 入 入金 입금 приход зачисление alacak πιστωση masuk uplata".split(
    " ",
  ),
);

/** Marks of one letter or word that tell the direction; undefined for anything else. */
export function directionOf(text: string): "in" | "out" | undefined {
  const trimmed = text.trim();
  if (trimmed === "-" || trimmed === "+") return trimmed === "-" ? "out" : "in";
  const word = normaliseHeader(trimmed).normalize("NFC");
  if (OUT.has(word)) return "out";
  return IN.has(word) ? "in" : undefined;
}

/** A set of marks that can only be directions: at least one pair of both kinds, or a pair-like single kind. */
export function areDirections(values: ReadonlySet<string>): boolean {
  if (values.size === 0 || values.size > 8) return false;
  return [...values].every((value) => directionOf(value) !== undefined);
}

const PENDING =
  /\b(?:pending|authori[sz]ed|uncleared|not booked|reserved|hold|on hold|in behandeling|gereserveerd|nog niet|openstaand|offen|vorgemerkt|reserviert|ausstehend|nicht gebucht|en attente|en cours|a venir|pendiente|retenid[oa]|in sospeso|non contabilizzat[oa]|in attesa|autorizzato|pendente|cativo|reserverat|ej bokfort|preliminar|vantar|reserveret|afventer|reservert|venter|varaus|katevaraus|odottaa|oczekujac[ae]|blokada|niezaksiegowan[ae]|cekajici|ceka|blokace|blokovan[oa]|rezervace|nezauctovan[ao]|fuggo|processing|broneering)\b/;
const VOID =
  /\b(?:reverted|declined|failed|cancell?ed|rejected|refused|expired|void|voided|storniert|abgelehnt|fehlgeschlagen|zuruckgewiesen|geweigerd|geannuleerd|mislukt|annulee?|refusee?|rejetee?|rechazad[oa]|cancelad[oa]|anulad[oa]|annullat[oa]|rifiutat[oa]|recusad[oa]|avvisad|makulerad|avbruten|afvist|annulleret|avvist|kansellert|hylatty|peruttu|odrzucon[ae]|anulowan[ae]|zrusen[ao]|zamitnut[ao])\b/;

/** What a status cell says: booked (also when it says nothing known), pending, or no money moved. */
export function statusOf(text: string): "booked" | "pending" | "void" {
  const words = normaliseHeader(text);
  if (!words) return "booked";
  if (VOID.test(words)) return "void";
  return PENDING.test(words) ? "pending" : "booked";
}

const OPENING =
  /^(?:входящий остаток|остаток на начало|начален|likutis pradziai|pradinis likutis|sakuma|sold initial|sold precedent|devir|acilis|baslangic|begin|aanvang|saldo awal|balance at (?:the )?(?:start|beginning)|balance b(?:rought)? ?f|stan poczatkowy|期初|前日|opening|beginning|start(?:ing)?|previous|brought forward|balance brought forward|balance b f|begin|vorig|alter|anfang|anfangs|start|vortrag|saldovortrag|ancien|solde (?:initial|precedent)|saldo (?:inicial|anterior|iniziale|precedente|poczatkowe|poczatkowy)|ingaende|inngaende|startsaldo|primo|alku|alkusaldo|algsaldo|sakuma|pocatecni|nyito)/;
const CLOSING =
  /^(?:исходящий остаток|остаток на конец|краен|краино|likutis pabaigai|galutinis likutis|sold final|kapanis|afsluit|saldo akhir|balance at (?:the )?end|balance c(?:arried)? ?f|stan koncowy|期末|closing|ending|final|carried forward|balance carried forward|balance c f|new|nieuw|eind|slot|neuer|end|schluss|nouveau|solde (?:final|nouveau)|saldo (?:final|actual|finale|koncowe|koncowy)|utgaende|slutsaldo|ultimo|loppu|loppusaldo|loppsaldo|beigu|konecny|zaro)/;
const BALANCE =
  /остаток|салдо|likutis|\bsold\b|bakiye|devir|stan\b|余额|残高|balans|saldo|balance|solde|kontostand|bestand|zustatek|atlikums|jaak|egyenleg|stand\b/;
const TOTAL =
  /^(?:итого|всего|обороты?|apyvarta|is viso|rulaj|toplam|ukupno|jumlah|合計|合计|总计|total (?:debits?|credits?|withdrawals?|deposits?|amount)|transactions? total|sub ?total|total|totaal|totals|summe|somme|gesamt|gesamtsumme|summa|suma|sum|turnover|kaive|apgrozijums|turnovers|totale|totali|total general|grand total|celkem|razem|yhteensa|i alt|sammanlagt|umsatze|umsatzsumme|tagessaldo|zwischensumme|number of|count|aantal|anzahl|nombre|end of|einde|ende)\b/;

/** Is this text the name of a balance or total that stands as a line of its own, and which? */
export function totalLine(text: string): "opening" | "closing" | "total" | undefined {
  const words = normaliseHeader(text);
  if (!words || words.length > 80) return undefined;
  const long = words.split(" ").length > 8;
  if (BALANCE.test(words) && !long) {
    if (OPENING.test(words)) return "opening";
    if (CLOSING.test(words)) return "closing";
    if (
      /^(?:account |ledger |available |current |konto|rekening|tagesend|actual )?(?:saldo|balance|solde|kontostand|zustatek|stand)\b(?: (?:as (?:of|at)|per|vom|am|au|al|op|on|eur|a|em)\b.*)?$/.test(
        words,
      )
    )
      return "total";
  }
  if (/^(?:algsaldo|sakuma atlikums|loppsaldo)$/.test(words)) return "opening";
  return TOTAL.test(words) && words.split(" ").length <= 4 ? "total" : undefined;
}

const DATED =
  /^(?:входящий остаток|начально салдо|начално салдо|likutis pradziai|pradinis likutis|sold initial|saldo awal|balance at (?:the )?(?:start|beginning)(?: of (?:the )?period)?|openingsbalans|beginbalans|stan poczatkowy|(?:opening|beginning|starting|start|previous statement) balance|balance (?:brought forward|b f)|begin ?saldo|anfangssaldo|alter kontostand|solde (?:initial|precedent)|saldo (?:inicial|anterior|iniziale|poczatkowe)|ingaende saldo|startsaldo|alkusaldo|algsaldo|sakuma atlikums|pocatecni zustatek|nyito egyenleg)(?: (?:as of|per|vom|am|au|al|op|a|z dne)(?: \d+)*)?$/;
const DATED_END =
  /^(?:исходящий остаток|краино салдо|likutis pabaigai|galutinis likutis|sold final|saldo akhir|balance at (?:the )?end(?: of (?:the )?period)?|sluitingsbalans|eindbalans|stan koncowy|(?:closing|ending) balance|balance (?:carried forward|c f)|eind ?saldo|endsaldo|neuer kontostand|solde final|saldo (?:final|finale|koncowe)|utgaende saldo|slutsaldo|loppusaldo|loppsaldo|beigu atlikums|konecny zustatek|zaro egyenleg)(?: (?:as of|per|vom|am|au|al|op|a|z dne)(?: \d+)*)?$/;

/** Every name of DATED and DATED_END holds one of these; far quicker to rule out than to bring into one form. */
const MAY_BE_TOTAL =
  /sald|balan|sold|stand|egyenleg|atlikum|z[uů]statek|likut|остат|салдо|stan|b\W?f|c\W?f|turnover|apyvart|rulaj|оборот|k[äa]ive|apgroz|summe/iu;

/**
 * The same for a line with a date and an amount. Only whole, unmistakable names count: a payment to "Total" or
 * "New Balance" is a payment.
 */
export function datedTotal(text: string): "opening" | "closing" | "total" | undefined {
  if (text.length > 60 || !MAY_BE_TOTAL.test(text)) return undefined;
  const words = normaliseHeader(text);
  if (DATED.test(words)) return "opening";
  if (DATED_END.test(words)) return "closing";
  return /^(?:turnover|kaive|apgrozijums|apyvarta|rulaj|оборот|обороты|tagessaldo|umsatzsumme|balance|saldo|solde|kontostand)$/.test(
    words,
  )
    ? "total"
    : undefined;
}
