/** A consent as the runtime tells of it. */
interface TallyConsent {
  id: string;
  institution: string;
  institutionName: string;
  state: "pending" | "valid" | "expired" | "ended";
  validUntil?: string;
  daysLeft?: number;
  accounts: string[];
  accountsTotal: number;
}

interface TallyInstitution {
  id: string;
  name: string;
  bic?: string;
}

/** Where banks have to let others in (PSD2, and the same in the United Kingdom). */
const CONSENT_COUNTRIES =
  "AT BE BG HR CY CZ DE DK EE ES FI FR GB GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split(" ");
/** How often the form looks whether the person is back from the bank. */
const CONSENT_POLL_MS = 1_500;

/** Below the fields of a provider with consents: those that were given, and a way to give one. */
function tallyConsents(node: TallyNode, form: TallyForm): JQuery {
  const row = tallyForm.addRow(form);
  const panel = $("<div/>", { class: "tally-consents" })
    .css({ border: "1px solid var(--red-ui-form-input-border-color)", borderRadius: "4px", padding: "10px" })
    .appendTo(row);
  const line = () => $("<div/>").css({ marginTop: "8px", display: "flex", gap: "6px" }).appendTo(panel);
  const api = `tallyflow/bank/${encodeURIComponent(node.id)}`;
  const callback = new URL("tallyflow/consent/callback", new URL(".", location.href)).href;

  $("<div/>").css({ fontWeight: "bold" }).text(node._("consent.title")).appendTo(panel);
  const deployed = tallyForm.addAnswer(panel).addClass("tally-consent-state");
  const list = $("<div/>", { class: "tally-consent-list" }).appendTo(panel);

  const choose = line();
  const country = $("<select/>", { class: "tally-consent-country" })
    .attr("aria-label", node._("consent.country"))
    .css({ width: "180px" })
    .appendTo(choose);
  const search = $("<input/>", { type: "search", class: "tally-consent-search" })
    .attr({ placeholder: node._("consent.search"), "aria-label": node._("consent.search") })
    .css({ flex: "1 1 0" })
    .appendTo(choose);
  // `size` is set apart: among the properties jQuery would take it for its method of that name.
  const banks = $("<select/>", { class: "tally-consent-banks" })
    .attr({ "aria-label": node._("consent.banks"), size: "7" })
    .css({ width: "100%", height: "auto", marginTop: "8px" })
    .hide()
    .appendTo(panel);
  const actions = line();
  const connect = tallyForm
    .addButton(actions, "fa-university", node._("consent.connect"), () => begin(String(banks.val() ?? "")))
    .addClass("tally-consent-connect");
  tallyForm.addButton(actions, "fa-refresh", node._("consent.refresh"), () => void load());
  const answer = tallyForm.addAnswer(panel).addClass("tally-consent-answer");
  const link = $("<a/>", { class: "tally-consent-link", target: "_blank", rel: "noopener noreferrer" })
    .text(node._("consent.open"))
    .hide()
    .appendTo(panel);
  const back = line().hide();
  const address = $("<input/>", { type: "url", class: "tally-consent-address" })
    .attr({ placeholder: node._("consent.address"), "aria-label": node._("consent.address") })
    .css({ flex: "1 1 0" })
    .appendTo(back);
  tallyForm.addButton(back, "fa-check", node._("consent.complete"), () => void complete());
  const told = $("<div/>", { class: "tally-consent-callback" })
    .css({ marginTop: "8px", color: "var(--red-ui-secondary-text-color)", overflowWrap: "anywhere" })
    .appendTo(panel);
  const wayBack = $(`#${form.prefix}redirectUrl`);
  const tell = () =>
    told.text(node._("consent.callback", { address: String(wayBack.val() ?? "").trim() || callback }));
  wayBack.on("change input", tell);
  tell();

  let found: TallyInstitution[] = [];
  /** The attempt that is waited for; another one, or a closed form, ends the waiting. */
  let waiting = "";

  const problem = (failed: unknown) =>
    tallyForm.show(answer, tallyForm.problem(node, failed as JQuery.jqXHR), true);
  const post = (path: string, data: object) =>
    $.ajax({
      url: `${api}/${path}`,
      type: "POST",
      contentType: "application/json",
      data: JSON.stringify(data),
    });
  const usable = (yes: boolean) => panel.find("button, select, input").prop("disabled", !yes);

  /** The consents that were given. A bank that is not deployed, or not as this provider, has none. */
  const load = async (): Promise<void> => {
    tallyForm.show(deployed, node._("form.loading"));
    try {
      const { consents } = (await $.getJSON(`${api}/consents`)) as { consents: TallyConsent[] };
      show(consents);
      usable(true);
      tallyForm.show(deployed, consents.length === 0 ? node._("consent.none") : "");
    } catch (failed) {
      list.empty();
      const { status } = failed as JQuery.jqXHR;
      usable(status !== 404 && status !== 400);
      tallyForm.show(deployed, tallyForm.problem(node, failed as JQuery.jqXHR), true);
    }
  };

  const show = (consents: readonly TallyConsent[]) => {
    list.empty();
    for (const consent of consents) {
      const { institution, institutionName, accounts, accountsTotal, state } = consent;
      const item = $("<div/>", { class: "tally-consent" })
        .attr("data-state", state)
        .css({ display: "flex", gap: "10px", alignItems: "center", padding: "6px 0" })
        .appendTo(list);
      const text = $("<div/>").css({ flex: "1 1 0", overflowWrap: "anywhere" }).appendTo(item);
      $("<div/>")
        .text(`${institutionName} · ${stateText(consent)}`)
        .appendTo(text);
      const names = accounts.length > 0 ? accounts.join(", ") : "";
      const count = node._("consent.accounts", { n: String(accountsTotal) });
      if (accountsTotal > 0)
        $("<div/>")
          .css({ color: "var(--red-ui-secondary-text-color)" })
          .text(names || count)
          .appendTo(text);
      tallyForm
        .addButton(item, "fa-repeat", node._("consent.renew"), () => begin(institution))
        .addClass("tally-consent-renew");
    }
  };

  const stateText = ({ state, daysLeft, validUntil }: TallyConsent): string => {
    if (state === "pending") return node._("consent.states.pending");
    if (state === "ended") return node._("consent.states.ended");
    if (state === "expired" || daysLeft === 0) return node._("consent.states.expired");
    if (daysLeft === undefined) return node._("consent.states.valid");
    const values = { days: String(daysLeft), until: (validUntil ?? "").slice(0, 10) };
    return daysLeft === 1 ? node._("consent.states.tomorrow", values) : node._("consent.states.days", values);
  };

  const filter = () => {
    const words = String(search.val() ?? "")
      .toLowerCase()
      .split(/\s+/);
    const shown = found.filter(({ name, bic }) =>
      words.every((word) => `${name} ${bic ?? ""}`.toLowerCase().includes(word)),
    );
    banks.empty().toggle(found.length > 0);
    for (const { id, name } of shown) $("<option/>", { value: id }).text(name).appendTo(banks);
    if (shown.length > 0) banks.val(shown[0]!.id);
    connect.prop("disabled", shown.length === 0);
  };

  const institutions = async (): Promise<void> => {
    found = [];
    filter();
    if (!country.val()) return;
    tallyForm.show(answer, node._("form.loading"));
    try {
      const asked = String(country.val());
      const listed = (await $.getJSON(`${api}/institutions`, { country: asked })) as {
        institutions: TallyInstitution[];
      };
      if (asked !== country.val()) return;
      found = listed.institutions;
      tallyForm.show(answer, node._("consent.found", { n: String(found.length) }));
      filter();
    } catch (failed) {
      problem(failed);
    }
  };

  const begin = (institution: string): void => {
    if (!institution) return tallyForm.show(answer, node._("consent.chooseFirst"), true);
    // Opened at once, while the browser still takes it for the answer to the click.
    const opened = window.open("", "_blank");
    if (opened) opened.opener = null;
    tallyForm.show(answer, node._("consent.beginning"));
    link.hide();
    void (async () => {
      try {
        const begun = (await post("consents", { institution, returnTo: callback })) as {
          id: string;
          url: string;
        };
        if (opened) opened.location.href = begun.url;
        link.attr("href", begun.url).show();
        back.show();
        tallyForm.show(answer, node._("consent.waiting"));
        wait(begun.id);
      } catch (failed) {
        opened?.close();
        problem(failed);
      }
    })();
  };

  /** Look now and then whether the person is back, for as long as the form is open. */
  const wait = (id: string): void => {
    waiting = id;
    const look = async (): Promise<void> => {
      if (waiting !== id || !document.contains(panel[0]!)) return;
      try {
        const { outcome } = (await $.getJSON(`${api}/consents/${id}`)) as { outcome: TallyOutcome | null };
        if (waiting !== id) return;
        if (outcome) return ended(outcome);
      } catch (failed) {
        problem(failed);
      }
      setTimeout(() => void look(), CONSENT_POLL_MS);
    };
    setTimeout(() => void look(), CONSENT_POLL_MS);
  };

  const ended = (outcome: TallyOutcome): void => {
    waiting = "";
    link.hide();
    back.hide();
    address.val("");
    tallyForm.show(answer, outcome.message, !outcome.ok);
    void load();
  };

  const complete = async (): Promise<void> => {
    try {
      ended(
        (await post("consents/address", { address: String(address.val() ?? "").trim() })) as TallyOutcome,
      );
    } catch (failed) {
      problem(failed);
    }
  };

  const names = new Intl.DisplayNames([navigator.language, "en"], { type: "region" });
  $("<option/>", { value: "" }).text(node._("consent.country")).appendTo(country);
  CONSENT_COUNTRIES.map((code) => ({ code, name: names.of(code) ?? code }))
    .sort((a, b) => a.name.localeCompare(b.name))
    .forEach(({ code, name }) => $("<option/>", { value: code }).text(name).appendTo(country));
  country.on("change", () => void institutions());
  search.on("input", filter);
  connect.prop("disabled", true);

  const consenting = () => ["enable-banking", "gocardless"].includes(providerOf(form));
  $(`#${form.prefix}provider`).on("change", () => consenting() && void load());
  if (consenting()) void load();
  return row;
}

interface TallyOutcome {
  ok: boolean;
  message: string;
}

function providerOf(form: TallyForm): string {
  const field = form.fields.find(({ name }) => name === "provider");
  return String($(`#${form.prefix}provider`).val() || field?.default || "");
}

/** Beside the private key: a button that takes the key from the .pem file, and the application's id from its name. */
function tallyKeyFile(form: TallyForm, node: TallyNode): void {
  const input = $(`#${form.prefix}privateKey`).css({ width: "calc(100% - 290px)" });
  const row = input.closest(".form-row");
  const chosen = $("<input/>", { type: "file", accept: ".pem", class: "tally-key-file" })
    .hide()
    .appendTo(row);
  tallyForm
    .addButton(row, "fa-key", node._("consent.keyFile"), () => chosen.trigger("click"))
    .css({ marginLeft: "10px", width: "130px" });
  chosen.on("change", () => {
    const file = (chosen[0] as HTMLInputElement).files?.[0];
    if (!file || file.size > 100_000) return;
    void file.text().then((text) => {
      // The field has one line; where the lines ended does not matter.
      input.val(text.replace(/\s*[\r\n]+\s*/g, " ").trim()).trigger("change");
      const id = $(`#${form.prefix}applicationId`);
      if (!id.val()) id.val(file.name.replace(/\.pem$/i, "")).trigger("change");
    });
  });
}
