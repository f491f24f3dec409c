tallyHooks["tally-bank"] = {
  prepare(node, form) {
    const files = { field: "provider", values: ["files"] };
    tallyForm.onlyWhen(addMappingForm(node, form), files);
    tallyForm.onlyWhen(addUpload(node, form), files);
    tallyKeyFile(form, node);
    tallyForm.onlyWhen(tallyConsents(node, form), {
      field: "provider",
      values: ["bunq-oauth", "enable-banking", "gocardless"],
    });
    tallyForm.addTestButton(node, form);
  },
};

/** A button that puts statement files into the folder of the deployed bank, one after another. */
function addUpload(node: TallyNode, form: TallyForm): JQuery {
  const row = tallyForm.addRow(form, $(`#${form.prefix}folder`).closest(".form-row"));
  const chosen = $("<input/>", { type: "file", multiple: "multiple", class: "tally-upload" })
    .hide()
    .appendTo(row);
  tallyForm.addButton(row, "fa-upload", node._("upload"), () => chosen.trigger("click"));
  const answer = tallyForm.addAnswer(row);
  const send = async (file: File): Promise<{ text: string; failed: boolean }> => {
    try {
      const kept = (await $.ajax({
        url: `tallyflow/bank/${encodeURIComponent(node.id)}/statements?name=${encodeURIComponent(file.name)}`,
        type: "POST",
        data: file,
        processData: false,
        contentType: "application/octet-stream",
      })) as {
        name: string;
        known: boolean;
        payments: number;
        errors: { line?: number; reason: string }[];
        errorsTotal: number;
      };
      const values = { name: kept.name, payments: String(kept.payments), errors: String(kept.errorsTotal) };
      const lines = [node._(kept.known ? "uploadKnown" : "uploaded", values)];
      if (kept.errorsTotal > 0)
        lines.push(node._("uploadErrors", values), ...kept.errors.map(csvErrorText(node)));
      return { text: lines.join("\n"), failed: false };
    } catch (failed) {
      return { text: `${file.name}: ${tallyForm.problem(node, failed as JQuery.jqXHR)}`, failed: true };
    }
  };
  chosen.on("change", () => {
    const files = Array.from((chosen[0] as HTMLInputElement).files ?? []);
    tallyForm.show(answer, node._("form.loading"));
    void (async () => {
      const told: { text: string; failed: boolean }[] = [];
      for (const file of files) told.push(await send(file));
      tallyForm.show(
        answer,
        told.map(({ text }) => text).join("\n"),
        told.some(({ failed }) => failed),
      );
      chosen.val("");
    })();
  });
  return row;
}

function csvErrorText(node: TallyNode): (error: { line?: number; reason: string }) => string {
  return ({ line, reason }) =>
    line === undefined ? reason : `${node._("csv.line", { line: String(line) })}: ${reason}`;
}

/** What the runtime says of a CSV file and a mapping. */
interface CsvAnswer {
  mapping?: Record<string, unknown>;
  profile?: string;
  columns: { column: string | number; label: string; sample: string[] }[];
  payments: { date: string; amount: string; currency: string; counterparty: string; description: string }[];
  paymentsTotal: number;
  errors: { line?: number; reason: string }[];
  errorsTotal: number;
}

/** What of a file is enough to see its columns, in bytes; more is not sent. */
const CSV_SAMPLE = 256 * 1024;
const CSV_COLUMNS = [
  "date",
  "valueDate",
  "amount",
  "amountIn",
  "amountOut",
  "counterparty",
  "counterpartyAccount",
  "reference",
  "bankId",
  "currency",
  "account",
  "balanceAfter",
  "type",
  "category",
];

/** Below the mapping: a form that makes it from a sample of the bank's file, with the payments it yields. */
function addMappingForm(node: TallyNode, form: TallyForm): JQuery {
  const input = $(`#${form.prefix}mapping`);
  const row = tallyForm.addRow(form, input.closest(".form-row"));
  const panel = $("<div/>", { class: "tally-csv" })
    .css({ border: "1px solid var(--red-ui-form-input-border-color)", borderRadius: "4px", padding: "10px" })
    .css({ marginTop: "8px" })
    .hide();
  tallyForm.addButton(row, "fa-table", node._("csv.open"), () => panel.toggle());
  row.append(panel);

  $("<div/>").text(node._("csv.hint")).appendTo(panel);
  const file = $("<input/>", { type: "file", class: "tally-csv-file", accept: ".csv,.txt,.tsv" })
    .css({ margin: "8px 0", display: "block" })
    .appendTo(panel);
  const pasted = $("<textarea/>", { class: "tally-csv-text", rows: "4" })
    .attr({ placeholder: node._("csv.paste"), spellcheck: "false", wrap: "off" })
    .css({ width: "100%", fontFamily: "var(--red-ui-monospace-font)", whiteSpace: "pre" })
    .appendTo(panel);
  const verdict = tallyForm.addAnswer(panel);
  const columns = $("<div/>", { class: "tally-csv-columns" })
    .css({ display: "grid", gridTemplateColumns: "1fr 1fr", gap: "6px 14px", marginTop: "8px" })
    .appendTo(panel);
  const preview = $("<div/>", { class: "tally-csv-preview" }).css({ overflowX: "auto" }).appendTo(panel);
  const errors = tallyForm.addAnswer(panel);
  const use = tallyForm
    .addButton(panel, "fa-check", node._("csv.use"), () => {
      input.val(JSON.stringify(mapping)).trigger("change");
      panel.hide();
    })
    .css({ marginTop: "8px" })
    .hide();

  let sample: { text: string } | { content: string } | undefined;
  let mapping: Record<string, unknown> = {};
  let asked = 0;
  const ask = (given?: Record<string, unknown>) => {
    if (!sample) return;
    const request = ++asked;
    const text = (name: string) => String($(`#${form.prefix}${name}`).val() ?? "").trim();
    const body = {
      ...sample,
      ...(text("account") ? { account: text("account") } : {}),
      ...(text("currency") ? { currency: text("currency") } : {}),
      ...(given ? { mapping: given } : {}),
    };
    $.ajax({
      url: "tallyflow/csv/infer",
      type: "POST",
      contentType: "application/json",
      data: JSON.stringify(body),
    })
      .done((answer: CsvAnswer) => {
        if (request !== asked) return;
        if (!given) {
          mapping = answer.mapping ?? {};
          const known = answer.profile ? node._("csv.recognised", { profile: answer.profile }) : "";
          tallyForm.show(verdict, known || node._(answer.mapping ? "csv.proposed" : "csv.unclear"));
          showColumns(answer.columns);
        }
        showPreview(answer);
        use.toggle(answer.paymentsTotal > 0);
      })
      .fail((failed: JQuery.jqXHR) => {
        if (request !== asked) return;
        tallyForm.show(errors, tallyForm.problem(node, failed), true);
        preview.empty();
        use.hide();
      });
  };

  const change = (name: string, value: unknown) => {
    const next = { ...mapping };
    if (value === undefined || value === "") delete next[name];
    else next[name] = value;
    mapping = next;
    ask(mapping);
  };

  const labelled = (name: string, control: JQuery): void => {
    const label = $("<label/>")
      .css({ width: "auto", margin: "0" })
      .text(node._(`csv.fields.${name}`));
    label.append(control.attr("data-csv", name).css({ width: "100%", display: "block" })).appendTo(columns);
  };

  const showColumns = (found: CsvAnswer["columns"]) => {
    columns.empty();
    const indexOf = (column: unknown) => found.findIndex((one) => one.column === column);
    const options = (select: JQuery) => {
      found.forEach(({ label, sample: cells }, at) =>
        $("<option/>", { value: String(at) })
          .text(cells.length > 0 ? `${label}: ${cells[0]!.slice(0, 30)}` : label)
          .appendTo(select),
      );
      return select;
    };
    const columnSelect = (
      chosen: unknown,
      changed: (column: string | number | undefined) => void,
    ): JQuery => {
      const select = options($("<select/>").append($("<option/>", { value: "" }).text(node._("csv.none"))));
      const at = indexOf(chosen);
      select.val(at < 0 ? "" : String(at));
      return select.on("change", () => changed(found[Number(select.val() || -1)]?.column));
    };
    for (const name of CSV_COLUMNS)
      labelled(
        name,
        columnSelect(mapping[name], (column) => change(name, column)),
      );
    const direction = mapping["direction"] as { column: string | number; out: string } | undefined;
    const mark = $("<input/>", { type: "text" }).val(direction?.out ?? "D");
    const side = columnSelect(direction?.column, (column) => setDirection(column));
    const setDirection = (column: string | number | undefined) =>
      change("direction", column === undefined ? undefined : { column, out: String(mark.val() || "D") });
    mark.on("change", () => setDirection(found[Number(side.val() || -1)]?.column));
    labelled("direction", side);
    labelled("out", mark);
    const texts = options(
      $("<select/>", { multiple: "multiple", size: "4", title: node._("csv.several") }).css({
        height: "auto",
      }),
    );
    texts.val(((mapping["description"] as unknown[] | undefined) ?? []).map((one) => String(indexOf(one))));
    texts.on("change", () => {
      const chosen = (texts.val() as string[]).flatMap((at) => found[Number(at)]?.column ?? []);
      change("description", chosen.length > 0 ? chosen : undefined);
    });
    labelled("description", texts);
    const decimal = $("<select/>").append(
      $("<option/>", { value: "" }).text(node._("csv.automatic")),
      $("<option/>", { value: "," }).text("1.234,56"),
      $("<option/>", { value: "." }).text("1,234.56"),
    );
    decimal.val(String(mapping["decimal"] ?? "")).on("change", () => change("decimal", decimal.val()));
    labelled("decimal", decimal);
    const format = $("<input/>", { type: "text", placeholder: "DD-MM-YYYY" });
    format.val(String(mapping["dateFormat"] ?? ""));
    format.on("change", () => change("dateFormat", String(format.val()).trim()));
    labelled("dateFormat", format);
    const negate = $("<select/>").append(
      $("<option/>", { value: "" }).text(node._("form.no")),
      $("<option/>", { value: "true" }).text(node._("form.yes")),
    );
    negate.val(mapping["negate"] === true ? "true" : "");
    negate.on("change", () => change("negate", negate.val() === "true" ? true : undefined));
    labelled("negate", negate);
  };

  const showPreview = (answer: CsvAnswer) => {
    preview.empty();
    const table = $("<table/>").css({ width: "100%", marginTop: "10px", fontSize: "12px" }).appendTo(preview);
    const line = (cells: string[], kind: "th" | "td") => {
      const tr = $("<tr/>").appendTo(table);
      cells.forEach((cell, at) =>
        $(`<${kind}/>`)
          .text(cell)
          .css({ textAlign: at === 1 ? "right" : "left", padding: "2px 6px", verticalAlign: "top" })
          .css({ whiteSpace: at < 2 ? "nowrap" : "normal" })
          .appendTo(tr),
      );
    };
    if (answer.payments.length > 0) {
      line(
        ["date", "amount", "counterparty", "description"].map((name) => node._(`csv.fields.${name}`)),
        "th",
      );
      for (const { date, amount, currency, counterparty, description } of answer.payments)
        line([date, `${amount} ${currency}`, counterparty, description], "td");
    }
    const count = node._("csv.count", {
      payments: String(answer.paymentsTotal),
      errors: String(answer.errorsTotal),
    });
    tallyForm.show(
      errors,
      [count, ...answer.errors.map(csvErrorText(node))].join("\n"),
      answer.errorsTotal > 0,
    );
  };

  file.on("change", () => {
    const chosen = (file[0] as HTMLInputElement).files?.[0];
    if (!chosen) return;
    void chosen
      .slice(0, CSV_SAMPLE)
      .arrayBuffer()
      .then((buffer) => {
        let bytes = new Uint8Array(buffer);
        // A row that was cut off would be an error that the file does not have.
        if (chosen.size > CSV_SAMPLE) bytes = bytes.slice(0, bytes.lastIndexOf(10) + 1 || bytes.length);
        let text = "";
        for (const byte of bytes) text += String.fromCharCode(byte);
        sample = { content: btoa(text) };
        pasted.val("");
        ask();
      });
  });
  pasted.on("change", () => {
    const text = String(pasted.val() ?? "");
    if (text.trim() === "") return;
    sample = { text };
    file.val("");
    ask();
  });
  return row;
}
