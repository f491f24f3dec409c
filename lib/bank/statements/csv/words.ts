import { MORE_PHRASES } from "./words-more";

/**
 * What the words over the columns mean, in the languages of Europe's banks: English, Dutch, German, French, Spanish,
 * Italian, Portuguese, Swedish, Danish, Norwegian, Finnish, Polish, Czech (and some Estonian, Latvian, Hungarian);
 * those of other languages are in words-more.ts.
 * A word may stand for several roles ("Valuta" is a currency or a value date); the content of the column decides.
 */

export type Role =
  | "date"
  | "otherDate"
  | "valueDate"
  | "amount"
  | "amountIn"
  | "amountOut"
  | "direction"
  | "currency"
  | "account"
  | "accountName"
  | "counterparty"
  | "payer"
  | "payee"
  | "counterpartyAccount"
  | "counterpartyBic"
  | "description"
  | "type"
  | "reference"
  | "bankId"
  | "mandateId"
  | "creditorId"
  | "balanceAfter"
  | "category"
  | "status"
  | "fee"
  | "originalAmount"
  | "originalCurrency"
  | "ignore";

/** A header cell in one form: lower case, no accents, no currency in brackets, single blanks. */
export function normaliseHeader(text: string): string {
  return (ASCII.test(text) ? text : withoutAccents(text))
    .toLowerCase()
    .replace(/[([]\s*(?:[a-z]{3}|[€£$]|kr|zl|kc|in [a-z]{3})\s*[)\]]/g, " ")
    .replace(/[^\p{L}\p{N}+/-]+/gu, " ")
    .replace(/[/-]/g, " ")
    .replace(/([aou])e/g, "$1")
    .replace(/ +/g, " ")
    .trim();
}

const ASCII = /^[\u0000-\u007f]*$/;

function withoutAccents(text: string): string {
  return text
    .replace(/[øØ]/g, "o")
    .replace(/[łŁ]/g, "l")
    .replace(/ß/g, "ss")
    .replace(/ı/g, "i")
    .replace(/[đĐðÐ]/g, "d")
    .replace(/[þÞ]/g, "th")
    .replace(/[æÆ]/g, "a")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "");
}

/** A currency named in a header cell: `Amount (EUR)`, `Betrag in EUR`, `Importe (€)`, `Amount CZK`, `Määrä EUROA`. */
export function headerCurrency(text: string): string | undefined {
  const bracket = /[([]\s*(?:in\s+)?([A-Za-z]{3}|€|£)\s*[)\]]/.exec(text)?.[1];
  const euro = /(?:^|[\s_])euro[as]?\b/i.exec(text) ? "EUR" : undefined;
  const word =
    /(?:^|[\s_-])(EUR|GBP|USD|CHF|SEK|NOK|DKK|PLN|CZK|HUF|AUD|CAD|SGD|RON|BGN|NZD|INR|JPY|HKD|ZAR|TRY|BRL|MXN|ISK)\b/.exec(
      text,
    )?.[1];
  const found = bracket ?? word ?? euro;
  if (!found) return undefined;
  if (found === "€") return "EUR";
  if (found === "£") return "GBP";
  const code = found.toUpperCase();
  return KNOWN_CURRENCIES.has(code) ? code : undefined;
}

export const KNOWN_CURRENCIES: ReadonlySet<string> = new Set(
  (
    "EUR GBP USD CHF SEK NOK DKK PLN CZK HUF RON BGN ISK HRK TRY RUB UAH RSD ALL MKD BAM MDL GEL AMD AZN KZT BYN ILS AED SAR QAR " +
    "KWD BHD OMR JOD EGP MAD TND DZD ZAR NGN KES GHS UGX TZS XOF XAF INR PKR LKR BDT NPR CNY HKD TWD JPY KRW SGD MYR THB IDR PHP " +
    "VND AUD NZD CAD MXN BRL ARS CLP COP PEN UYU PYG LTL LVL EEK " +
    "RUR DOP GTQ CRC HNL NIO BOB JMD TTD BBD BSD LBP IQD IRR SYP YER ETB GMD MUR MWK MZN NAD BWP ZMW AOA XPF MMK KHR LAK MNT UZS"
  ).split(" "),
);

/** Role -> phrases, the surest first; weights fall along the list. */
const PHRASES: Readonly<Record<Role, string>> = {
  date:
    "booking date|bookingdate|booked date|posting date|posted date|post date|posted on|date posted|completed date|date completed|created date|date processed|processed date|accounting date|" +
    "boekdatum|boekingsdatum|datum boeking|buchungstag|buchungsdatum|buchung|date operation|date de l operation|date d operation|date operation comptable|dateop|date comptable|date de comptabilisation|date de comptabilite|fecha contable|" +
    "fecha operacion|fecha de operacion|f operacion|f contable|data contabile|data operazione|data mov|data movimento|data do movimento|data lancamento|data lanc|data operacao|data da operacao|" +
    "bokforingsdag|bokforingsdatum|bokford|bokfort|reskontradatum|bogforingsdato|bogfort|bogfort dato|bogforingsdag|bokfort dato|bokforingsdato|bokforingsdag|" +
    "kirjauspaiva|kirjauspvm|data ksiegowania|data operacji|data transakcji|datum zauctovani|datum|date|fecha|data|dato|pvm|paivamaara|paiva|kuupaev|datums|data transakcji|konyveles datuma|date time|datetime|date and time|date heure|booking date time|zauctovano|den zauctovani|datum uctovani|settlement date|dia",
  otherDate:
    "transaction date|trans date|tran date|date of transaction|transactiedatum|datum verrichting|uitvoeringsdatum|uitvoerdatum|belegdatum|umsatzdatum|umsatztag|kaufdatum|transaktionsdatum|transaktionsdag|transaksjonsdato|utfort dato|date d achat|date de transaction|" +
    "fecha transaccion|data transakcji|datum provedeni|datum transakce|transaction time|started date|start date|created|created on|created at|timestamp|time stamp|tapahtumapaiva|ostopaiva|maksupaiva|kobsdato|kopdatum|tranzakcio datuma|tranzakcio ideje|date of purchase|purchase date|execution date|data esecuzione|effective date|datum transactie|data inizio|data di inizio",
  valueDate:
    "value date|valuedate|val date|valuta|valutadatum|valuta datum|valutadag|valutadato|wertstellung|wertstellung valuta|valutastellung|wert|valuta wertstellung|wertstellungsdatum|rentedatum|interest date|valeur|date valeur|dateval|date de valeur|" +
    "fecha valor|f valor|fecha de valor|data valuta|data valor|arvopaiva|arvopvm|rentedato|rantedag|data waluty|data waloryzacji|datum valuty|valuta date|rente dato|ertek nap|erteknap|vaartuspaev",
  amount:
    "amount|transaction amount|amount in account currency|transactiebedrag|bedrag|betrag|umsatz|montant|importe|importo|valor|montante|importancia|belopp|belob|belop|maara|kwota|kwota transakcji|kwota operacji|castka|objem|net amount|net|netto|billing amount|amount billed|" +
    "amount eur|betrag in eur|umsatz in eur|umsatz in|bedrag eur|bedrag in eur|bedrag in euro|montant en euros|montant eur|importe eur|importo eur|maara euroa|maara eur|summa|summe|sum|total|value|osszeg|tranzakcio osszege|zauctovana castka|castka v mene uctu|paid|betrag eur|amount chf|posted amount|transaction value|ammount|kwota w walucie rachunku|kwota transakcji waluta rachunku|valor eur|movimento|importo in euro|einzelbetrag|money|amount gbp|amount usd|betrag chf|belopp sek|beloeb|belob i kontoens valuta|belob i dkk|operation amount|transaktionsbelopp|summa eur|tapahtuman maara|monto|cantidad|amount net|mutatiebedrag",
  amountIn:
    "credit|credits|amount in|in|paid in|money in|deposit|deposits|deposit amount|credit amount|incoming|inflow|receipts|received|bij|credit bedrag|creditbedrag|bijschrijving|ontvangen|inkomsten|haben|gutschrift|gutschriften|gutschrift in chf|einzahlung|eingang|eingange|zahlungseingang|einnahmen|credit euros|credit eur|montant credit|credit en euros|recette|recettes|" +
    "haber|abono|abonos|ingreso|ingresos|credito|creditos|avere|entrate|accrediti|accredito|entradas|entrada|insattning|insatt|insattningar|kredit|indsat|indbetaling|inn|inn pa konto|belop inn|inn pa|til gode|kreditt|godskriven|tuonti|pano|hyvitys|uznania|uznanie|wplywy|wplyw|kredyt|prichozi|prijem|pripsano|kreditni|bevetel|jovairas|deebet kreedit in|payments received|payment|payment amount|deposito|ingresos eur|credit chf",
  amountOut:
    "debit|debits|amount out|out|paid out|money out|withdrawal|withdrawals|withdrawal amount|debit amount|outgoing|outflow|payments|spent|charge|af|debet|debet bedrag|debetbedrag|afschrijving|betaald|uitgaven|soll|belastung|lastschrift|belastungen|belastung in chf|auszahlung|ausgang|ausgange|ausgaben|debit euros|debit eur|montant debit|debit en euros|depense|depenses|" +
    "debe|cargo|cargos|gasto|gastos|debito|debitos|dare|uscite|addebiti|addebito|saidas|saida|uttag|utbetalning|haevet|havet|udbetaling|ut|ut av konto|ut fra konto|belop ut|ut fra|debet konto|debiterat|otto|veloitus|obciazenia|obciazenie|wydatki|wydatek|debetowa|odchozi|vydaj|odepsano|debetni|kiadas|terheles|purchase|purchases|debit chf|retiro|retiros|egreso|gastos eur",
  direction:
    "af bij|bij af|creditdebet|debetcredit|creditdebit|debitcredit|afbij|debit credit|debet credit|credit debit|dc|d c|cd|c d|cr dr|dr cr|drcr|crdr|credit debet|d k|dk|debet kredit|kredit debet|debet kredit d k|deebet kreedit|deebet kreedit d c|soll haben|s h|sh|haben soll|soll haben kennzeichen|+ -|direction|richting|richtung|sens|sign|signo|segno|indicator|debit credit indicator|credit debit indicator|transaction direction|type of transaction|mutatiecode|bevetel kiadas|debets kredits|debets kredits d k|kredit debet c d|typ operacji|boekcode|transaction type|type|dare avere|natura|debit or credit|flow|in out|bkt|debit credit code|cdi|debit/credit",
  currency:
    "currency|ccy|currency code|munt|muntsoort|valuta|devies|devise|deviezen|wahrung|waehrung|kontowahrung|waluta|waluta rachunku|mena|mena uctu|moneda|divisa|moeda|monnaie|valuutta|valuuta|devizanem|tranzakcio devizaneme|account currency|transaction currency|wrg|munteenheid|valiuta|curr|mena transakce|whg",
  account:
    "account|account number|account no|account nr|own account|own account number|rekening|rekeningnummer|iban|iban bban|eigen rekening|konto|kontonummer|konto nr|auftragskonto|iban auftragskonto|iban kontoinhaber|iban des auftragskontos|eigene iban|compte|numero de compte|compte emetteur|accountnum|cuenta|numero de cuenta|conto|conta|numero conta|rachunek|numer rachunku|moj rachunek|cislo uctu|nr konta|tilinumero|tili|klientkonto|kliendi konto|client account|szamlaszam|account id|account iban|uw rekening|konto number|iban konto|kontor|kaart nummer|card number|kredietkaart|card no|card|kontoidentifikation|fra konto eget|uw rekeningnummer|deposit account|sort code account number",
  accountName:
    "account name|naam van de rekening|productnaam|rekening naam|naam rekening|rubrieknaam|account holder|kontoinhaber|nazev uctu|accountlabel|nom du compte|product|produkt|bezeichnung auftragskonto|szamla neve|kaarthouder|card holder|cardholder|card member|card holder full name|prodotto|producto|produit|account type|bank name|bankname",
  counterparty:
    "counterparty|counterparty name|counter party|counterparty s name|payee|payee name|partner name|partner|merchant|merchant name|beneficiary|beneficiary name|beneficiary payer|beneficiary or payer|payer|payer name|recipient|recipient name|sender|sender or recipient|paid to|to from|payer payee|payee payer|" +
    "naam tegenpartij|naam tegenrekening|tegenpartij|naam begunstigde|tegenrekeninghouder|tegenrekening houder|naam van de tegenpartij|naam tegenpartij bevat|handelaar|naam ontvanger|name description|naam omschrijving|" +
    "empfanger|empfanger auftraggeber|auftraggeber empfanger|auftraggeber|auftraggeber beguenstigter|auftraggeber begunstigter|begunstigter zahlungspflichtiger|begunstigter|begunstigter auftraggeber|zahlungsempfanger|zahlungspflichtige r|zahlungsempfanger in|name zahlungsbeteiligter|zahlungsbeteiligter|zahlungspflichtiger|sender empfanger|absender|partnername|beteiligter|partnername|name des partners|handler|zahlungspartner|gegenpartei|auftraggeber zahlungsempfanger|empfanger zahlungspflichtiger|beschreibung name|" +
    "tiers|beneficiaire|nom contrepartie|nom de la contrepartie|contrepartie|emetteur|nom tireur|supplierfound|beneficiaire ordonnateur|beneficiario|beneficiario ordenante|ordenante beneficiario|ordenante|comercio|destinatario|contraparte|beneficiario ordinante|ordinante beneficiario|ordinante|controparte|esercente|benefattore|" +
    "mottagare|avsandare mottagare|mottagare avsandare|motpart|modtager|modpart|modtager afsender|mottaker|mottakernavn|avsender mottaker|saaja maksaja|saaja|maksaja|saajan nimi|saaja maksaja nimi|vastapool|saaja maksja|saaja maksja nimi|sender receiver name|odbiorca nadawca|nadawca odbiorca|nadawca|odbiorca|kontrahent|dane kontrahenta|nazwa kontrahenta|nazwa odbiorcy|nazwa nadawcy odbiorcy|nazev protiuctu|nazev protistrany|protistrana|jmeno protistrany|nazev uctu protistrany|partner neve|maksatajs|sanemejs|maksatajs sanemejs|obchodnik|obchodni misto|nazev obchodnika|counteraccount name|extended details name|name|naam|nom|nombre|namn|navn|nimi|jmeno|nazwa|nome",
  payer:
    "payer name|avsandare|avsender|afsender|nadawca|maksaja|ordenante|ordinante|auftraggeber|zahlungspflichtige r|zahlungspflichtiger|sender|sender name|from name|from|source name|payer|van",
  payee:
    "payee name|mottagare|mottaker|mottakernavn|modtager|odbiorca|saaja|beneficiario|zahlungsempfanger in|empfanger|zahlungsempfanger|recipient|recipient name|to name|to|target name|payee|beneficiary|naar",
  counterpartyAccount:
    "counterparty account|counterparty account number|counterparty iban|counterparty s account|counterparty|partner iban|payee account number|payee account|beneficiary account|beneficiary account number|iban counterparty|counter account|contra account|account counterparty|recipient account|account number counterparty|account number|partner account number|iban partner|" +
    "tegenrekening|tegenrekeningnummer|rekening tegenpartij|rekeningnummer tegenpartij|tegenrekening iban bban|iban tegenpartij|iban tegenrekening|tegenpartij rekening|rekening begunstigde|tegenrekening iban|" +
    "iban zahlungsbeteiligter|kontonummer iban|kontonummer|iban des partners|iban kontonummer|iban auftraggeber|iban zahlungspartner|kto iban|iban|kontonr|kontonummer blz iban|iban des auftraggebers|gegenkonto|iban empfanger|kto nr|empfanger iban|partnerkonto|iban begunstigter|" +
    "compte contrepartie|compte de la contrepartie|compte beneficiaire|numero de compte contrepartie|iban contrepartie|compte tiers|cuenta destino|cuenta beneficiario|iban beneficiario|iban ordinante beneficiario|iban controparte|conto controparte|compte destinataire|iban destinatario|" +
    "till konto|til konto|mottagarkonto|modtagerkonto|mottakerkonto|fran konto|fra konto|konto mottaker|motkonto|motkontonummer|saajan tilinumero|saajan tilinumero ja pankin bic|tilinumero|vastapoole konto|saaja maksja konto|vastaspoole konto|numer konta|nr rachunku|numer rachunku nadawcy odbiorcy|rachunek kontrahenta|rachunek odbiorcy|numer rachunku odbiorcy|nr rachunku kontrahenta|cislo protiuctu|protiucet|ucet protistrany|cislo uctu protistrany|cislo protiuctu a kod banky|bankovni spojeni|bank account details|partner szamlaszama|konta numurs|sender receiver account|konto",
  counterpartyBic:
    "bic|bic counterparty|counterparty bic|bic tegenpartij|bic swift|swift|bic swift code|swift code|swift bic|bic zahlungsbeteiligter|blz|bic empfanger|bic contrepartie|bic beneficiaire|saajan pankin bic|bic swift code zahlungsbeteiligter|bankcode|kod banky|bic des partners|tegenpartij bic|bic saaja|swift bic zahlungsbeteiligter",
  description:
    "description|memo|details|detail|narrative|payment reference|payment details|transaction details|transaction description|transaction description 1|description 1|description 2|description 3|original description|particulars|narration|remarks|remittance information|remittance|message|message for payee|message for me|note to self|note|notes|text|purpose|additional information|further information|extended details|posted transactions description|merchant description|transaction narrative|remark|extended description|name description|" +
    "omschrijving|omschrijving 1|omschrijving 2|omschrijving 3|mededeling|mededelingen|mededeling 1|mededeling 2|vrije mededeling|gestructureerde mededeling|notifications|naam omschrijving|toelichting|details van de verrichting|transactieomschrijving|omschrijving transactie|detail van de omzet|" +
    "verwendungszweck|verwendungszweck zeile 1|verwendungszweck zeile 2|vwz|buchungstext verwendungszweck|beschreibung|buchungsdetails|zahlungsgrund|mitteilung|buchungsinformation|beschreibung1|beschreibung2|beschreibung3|beschreibung 1|beschreibung 2|beschreibung 3|buchungstext|umsatztext|bezeichnung|zahlungszweck|zahlungsreferenz|notiz|zusatzinformationen|" +
    "libelle|libelle operation|libelle simplifie|libelle de l operation|libelle complementaire|libelle court|libelle long|label|motif|communication|communications|detail de l ecriture|informations complementaires|nature de l operation|nature|description de l operation|details du mouvement|libelle interne|commentaire|comment|" +
    "concepto|concepto ampliado|descripcion|detalle|observaciones|mas datos|movimiento|remesa|informacion adicional|descrizione|descrizione completa|descrizione operazione|descrizione estesa|descrizione movimento|causale descrizione|dettagli|operazione|note operazione|descricao|descricao do movimento|historico|descritivo|" +
    "beskrivning|rubrik|meddelande|specifikation|transaktion|transaktionstext|text meddelande|beskrivelse|tekst|forklaring|melding|melding kid fakt nr|besked|meddelelse|egen note|viesti|selitys selite|selite|viesti saajalle|selgitus|makse selgitus|informacija|maksajuma merkis|maksajuma informacija|opis|opis operacji|opis transakcji|tytul|tytul operacji|tytulem|tytul platnosci|szczegoly|popis|popis transakce|zprava|zprava pro prijemce|zprava pro me|zprava pro mne|poznamka|poznamka pro me|text transakce|ucel platby|kozlemeny|reszletek|megjegyzes",
  type: "type|transaction type|transaction code|payment type|payment method|code|kind|soort|mutatiesoort|transactietype|transactie|soort mutatie|verrichting|type verrichting|type transaction|type d operation|type operation|buchungstext|buchungsart|umsatzart|umsatztyp|vorgang|transaktionstyp|transaktionsart|auftragsart|art|tipo|tipo operacion|tipo de movimiento|tipo operazione|causale|tipologia|tipo movimento|tipo operacao|transaktionstyp|transaktionsart|transaktionskategori|transaksjonstype|undertype|selitys|laji|tapahtumalaji|tehingu tuup|typ|typ transakce|typ transakcji|typ operacji|rodzaj transakcji|rodzaj operacji|kod transakce|tranzakcio tipusa|tranzakcio jellege|product type|transaction kind|darijuma veids|typ platby",
  reference:
    "reference|ref|reference number|ref no|customer reference|customer ref|end to end id|end to end reference|end to end|bank reference|transfer reference|betalingskenmerk|kenmerk|referentie|kundenreferenz|kundenreferenz end to end|end to end referenz|referenz|sammlerreferenz|endtoend id|client reference|reference client|reference de l operation|reference operation|referencia|referencia 1|numero de referencia|riferimento|rif|viite|viitenumero|viitenumber|referens|referensnummer|referensnr|ocr|kid|variabilni symbol|vs|variable symbol|referencni cislo|cheque number|check number|check or slip|check|cheque no|chq ref number|numero cheque|reference platby|slip number|check no|serial number|num cheque|arkivreference|referencia 2|transactiereferentie klant",
  bankId:
    "transaction id|transactionid|id|unique id|transaction reference|transactie id|transactiereferentie|fitid|volgnr|volgnummer|record id|archive id|arkistointitunnus|arkistotunnus|archival reference|archival reference id|arhiveerimistunnus|id transakce|id operace|id pohybu|cislo transakce|numer transakcji|nr transakcji|numer referencyjny|transaction reference number|referencni cislo transakce|transaktionsreferenz|transaktions id|umsatz id|transferwise id|wise id|transaktionscode|identifiant|identifiant de l operation|id transaccion|id transazione|id da transacao|transaction number|transaction no|verifikationsnummer|archive reference|statement line id|entry reference|uuid|transaction uuid|transaction ref|radnummer id|tranzakcio azonosito|sequence number|ihrereferenz|id movimiento|mc transactienr|transactienummer|referenznummer",
  mandateId:
    "mandate|mandate id|mandate reference|mandaatkenmerk|machtigingskenmerk|machtigingsnummer|mandatsreferenz|mandat|reference de mandat|mandato|mandatsref|numero de mandat|rum",
  creditorId:
    "creditor id|creditor identifier|incassant id|glaubiger id|glaubiger identifikationsnummer|incassant|glaubigeridentifikationsnummer|ics|identifiant creancier|creditorid",
  balanceAfter:
    "balance|running balance|running bal|account balance|balance after|balance after transaction|closing balance|ledger balance|new balance|resulting balance|available balance|end balance|saldo|saldo na mutatie|saldo na trn|saldo na boeking|nieuw saldo|eindsaldo|saldo na transactie|kontostand|saldo nach buchung|neuer saldo|kontosaldo|endsaldo|solde|solde comptable|solde apres operation|nouveau solde|accountbalance|saldo posterior|saldo disponible|disponible|saldo contable|saldo contabile|saldo progressivo|saldo contabilistico|saldo final|saldo apos movimento|bokfort saldo|bokfort saldo|saldo efter|disponibel saldo|bogfort saldo|bokfort saldo|tilin saldo|saldo po operacji|saldo po transakcji|saldo koncowe|saldo rachunku|zustatek|zustatek po transakci|zustatek na uctu|egyenleg|konyvelt egyenleg|jaak|atlikums|saldo eur|balance eur|current balance|balance gbp|saldo na verrichting|saldo uitvoering",
  category:
    "category|categorie|kategorie|kategoria|kategori|categoria|catgorie|hauptkategorie|kategorie name|kategorie transakce|category name|rubriek|luokka|categorie operation|budget category|sub category|subcategory|subcategoria|sous categorie|unterkategorie",
  status:
    "status|state|transaction status|booking status|buchungsstatus|stato|estado|etat|statut|tila|stav|umsatzstatus|transactiestatus|stan|status transakcji|stav platby|stav transakce|betalingsstatus|info|verwerkingsstatus|stato operazione|allapot|statuss|offen",
  fee: "fee|fees|fee amount|total fees|transaction fee|kosten|gebuhr|gebuhren|frais|comision|commissione|comissao|costo|avgift|gebyr|palkkio|poplatek|oplata|prowizja|kosten op verrichting",
  originalAmount:
    "original amount|amount foreign currency|foreign amount|local amount|foreign currency amount|original transaction amount|transaction amount foreign|betrag fremdwahrung|betrag in fremdwahrung|fremdwahrungsbetrag|fremdbetrag|ursprungsbetrag|originalbetrag|betrag ursprung|oorspr bedrag|oorspronkelijk bedrag|bedrag vreemde valuta|bedrag in vreemde valuta|montant devise|montant en devise|montant d origine|importe divisa|importe original|importo originale|importo in divisa|valor original|utlandskt belopp|belopp i utlandsk valuta|belob i udenlandsk valuta|alkuperainen maara|kwota oryginalna|kwota w walucie transakcji|puvodni castka|puvodni castka a mena|amount in foreign currency|orig amount|betrag originalwahrung|originalbelopp|valutabelopp|exchange to amount|amount original|source amount|kwota operacji w walucie|castka v puvodni mene|transaction amount original|original value|original currency amount|foreign spend amount|spend amount",
  originalCurrency:
    "original currency|foreign currency|local currency|type foreign currency|fremdwahrung|originalwahrung|wahrung ursprung|oorspr munt|vreemde valuta|devise d origine|divisa original|valuta originale|moneda original|original transaction currency|puvodni mena|waluta oryginalna|orig currency|waluta transakcji|spend currency",
  ignore:
    "exchange rate|rate|koers|kurs|wechselkurs|umrechnungskurs|taux|taux de change|tipo de cambio|cambio|tasso di cambio|kurssi|kurz|address|adres|adresse|city|town|zip|postcode|country|land|pays|emoji|receipt|attachment|tag|tags|time|tijd|uhrzeit|hora|heure|line|regel|vat|btw|mwst|iva|moms|statement number|afschriftnummer|rekeninguittrekselnummer|auszug|extract|branch|filiaal|agence|sort code|bank code|units|quantity|points|cashback|row type|code in payer is|radnummer|clearingnummer|no|nr|item",
};

export interface Meaning {
  role: Role;
  /** 1 to 10: exact and sure to vague. */
  weight: number;
}

const LEXICON: ReadonlyMap<string, readonly Meaning[]> = (() => {
  const map = new Map<string, Meaning[]>();
  const lists = [...Object.entries(PHRASES), ...Object.entries(MORE_PHRASES)] as [Role, string][];
  for (const [role, list] of lists) {
    const phrases = [...new Set(list.split("|").map(normaliseHeader))];
    phrases.forEach((phrase, index) => {
      if (!phrase) return;
      const meanings = map.get(phrase) ?? [];
      if (meanings.some((known) => known.role === role)) return;
      meanings.push({ role, weight: 10 - (3 * index) / phrases.length });
      map.set(phrase, meanings);
    });
  }
  return map;
})();

/** Parts of words that hint at a role where no whole phrase fits, tried in this order. */
const PARTS: readonly [RegExp, Role][] = [
  [/\b(?:exchange|wechsel|koers|kurs|rate|taux)\b/, "ignore"],
  [
    /(?:foreign|original|fremd|vreemd|oorspr|ursprung|devise|divisa|udenlandsk|utlandsk|local) .*(?:amount|betrag|bedrag|montant|importe|importo|belo[bp])|(?:amount|betrag|bedrag|montant|importe|importo|belo[bp]p?).*(?:foreign|original|fremd|vreemd|oorspr|ursprung|devise|divisa|udenlandsk|utlandsk)/,
    "originalAmount",
  ],
  [/saldo|balance|solde|kontostand|zustatek|egyenleg/, "balanceAfter"],
  [
    /(?:value|valuta|wert|valeur|valor|rente|arvo).*(?:dat|date|dag|dato|paiva)|(?:dat|date|fecha|data).*(?:value|valuta|wert|valeur|valor)/,
    "valueDate",
  ],
  [
    /(?:boek|buchung|book|post|contab|bokfor|bogfor|ksieg|zauct|kirjaus|comptab)\w*.*(?:dat|tag|dag|dato|paiva)|(?:dat\w*|fecha).*(?:boek|buchung|book|post|contab|comptab|bokfor|bogfor|ksieg|zauct)/,
    "date",
  ],
  [/\b(?:date|datum|fecha|data|dato|dates|paiva|pvm)\b|datum$|dato$|paiva$/, "otherDate"],
  [
    /debit|debet|withdraw|belastung|soll|paid out|money out|outflow|cargo|uttag|obciaz|uscite|addebit|expense/,
    "amountOut",
  ],
  [
    /credit|kredit|deposit|gutschrift|haben|paid in|money in|inflow|abono|insatt|uznan|entrate|accredit|income/,
    "amountIn",
  ],
  [/amount|betrag|bedrag|montant|importe|importo|belopp|belob|belop|kwota|castka|maara|umsatz/, "amount"],
  [/currency|wahrung|munt|waluta|mena|moneda|divisa|devise/, "currency"],
  [
    /(?:counterpart|tegen|partner|beneficiar|payee|empfanger|recipient|contrepart|contropart|modtag|mottag|odbiorc|protist|protiuc|zahlungs).*(?:iban|account|konto|rekening|compte|cuenta|rachun|uct)|(?:iban|account|konto|rekening|compte|rachun|uct).*(?:counterpart|tegen|partner|beneficiar|payee|empfanger|recipient|contrepart|contropart|modtag|mottag|odbiorc|protist)/,
    "counterpartyAccount",
  ],
  [
    /counterpart|tegenpart|partner|beneficiar|payee|empfanger|recipient|contrepart|contropart|merchant|modtag|mottag|odbiorc|protist|protiuc|kontrahent|handler|name\b|naam\b/,
    "counterparty",
  ],
  [
    /descri|omschrijv|mededel|zweck|libelle|concepto|descriz|beskriv|opis|popis|detail|memo|text|note|communic|bemerk|remark|message|zprav/,
    "description",
  ],
];

/** What a header cell may mean; empty when it says nothing known. */
export function meaningsOf(header: string): readonly Meaning[] {
  const phrase = normaliseHeader(header);
  if (!phrase) return [];
  const exact = lookUp(header, phrase);
  if (exact) return exact;
  for (const [part, role] of PARTS) if (part.test(phrase)) return [{ role, weight: 4 }];
  return [];
}

/** Does the cell hold, as a whole, one of the phrases that stand over columns? */
export function isHeaderPhrase(cell: string): boolean {
  if (cell.length > 60 || cell.length < 2) return false;
  const phrase = normaliseHeader(cell);
  return lookUp(cell, phrase) !== undefined;
}

function lookUp(cell: string, phrase: string): readonly Meaning[] | undefined {
  return (
    LEXICON.get(phrase) ??
    LEXICON.get(withoutCurrency(phrase)) ??
    // Verwendungszweck 3, VWZ12, Description2
    numbered(phrase) ??
    // RunningBalance, CheckNumber
    (/[a-z][A-Z]/.test(cell)
      ? LEXICON.get(normaliseHeader(cell.replace(/([a-z])([A-Z])/g, "$1 $2")))
      : undefined)
  );
}

function numbered(phrase: string): readonly Meaning[] | undefined {
  const meanings = /\d$/.test(phrase) ? LEXICON.get(phrase.replace(/ ?\d{1,2}$/, "")) : undefined;
  const found = meanings?.filter(({ role }) => role === "description") ?? [];
  return found.length > 0 ? found : undefined;
}

function withoutCurrency(phrase: string): string {
  return phrase
    .replace(
      /\b(?:in |en |i )?(?:eur|euro|euros|euroa|gbp|usd|chf|sek|nok|dkk|pln|czk|huf|aud|cad|sgd)\b/g,
      " ",
    )
    .replace(/ +/g, " ")
    .trim();
}
