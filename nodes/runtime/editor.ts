/* Browser side, put into every node's page by the build. Plain ES2020, no imports: files here share one scope. */

/** A field as the form needs it; the build makes the list from the node's schema. */
interface TallyField {
  name: string;
  kind: "text" | "number" | "boolean" | "select" | "config" | "secret" | "list" | "json";
  default?: unknown;
  columns?: { name: string; label: string }[];
  when?: { field: string; values: string[] };
}

interface TallyForm {
  type: string;
  /** `node-input-` or `node-config-input-` */
  prefix: string;
  fields: TallyField[];
}

/** What an editor.ts may add to the form and the node. */
interface TallyHooks {
  prepare?(node: TallyNode, form: TallyForm): void;
  button?: { enabled?(this: TallyNode): boolean; onclick(this: TallyNode): void };
}

interface TallyNode {
  id: string;
  name?: string;
  type: string;
  changed?: boolean;
  credentials?: Record<string, unknown>;
  _(key: string, values?: Record<string, string>): string;
  [property: string]: unknown;
}

/** One thing to choose, as the runtime lists it. */
interface TallyChoice {
  value: string;
  label: string;
  /** Other texts that name the same thing. */
  also?: string[];
}

/** What this code uses of Node-RED's editor. */
declare const RED: {
  nodes: {
    registerType(type: string, definition: object): void;
    eachConfig(visit: (node: TallyNode) => boolean | void): void;
  };
  notify(message: string, options: string | { type: string; timeout?: number }): void;
  _(key: string, values?: Record<string, string>): string;
};

/** By node type: what the node's own editor.ts adds. */
const tallyHooks: Record<string, TallyHooks> = {};

const tallyForm = {
  /** Ready the form: dependent rows, lists, and what the node adds. */
  prepare(node: TallyNode, form: TallyForm, hooks: TallyHooks): void {
    for (const field of form.fields) {
      if (field.kind === "list") tallyForm.fillList(node, form, field);
      if (field.kind === "secret") tallyForm.noSecretYet(node, field);
      if (field.kind === "boolean")
        tallyForm.element(form, field).val(tallyForm.booleanText(node[field.name]));
    }
    hooks.prepare?.(node, form);
    const refresh = () => {
      for (const row of $(`[data-tally-when]`).toArray()) {
        const name = String($(row).attr("data-tally-when"));
        const other = form.fields.find((one) => one.name === name);
        const chosen = $(`#${form.prefix}${name}`).val() || other?.default;
        $(row).toggle(String($(row).attr("data-tally-values")).split(" ").includes(String(chosen)));
      }
    };
    for (const field of form.fields)
      if (field.when) tallyForm.onlyWhen(tallyForm.element(form, field).closest(".form-row"), field.when);
    for (const name of new Set(form.fields.flatMap((field) => (field.when ? [field.when.field] : []))))
      $(`#${form.prefix}${name}`).on("change", refresh);
    refresh();
  },

  /** Show a row only while another field has one of these values. */
  onlyWhen(row: JQuery, when: { field: string; values: string[] }): JQuery {
    return row.attr({ "data-tally-when": when.field, "data-tally-values": when.values.join(" ") });
  },

  /**
   * The input of a field. Lists and booleans have an id of their own, so that Node-RED does not read them as inputs:
   * it would turn them into texts.
   */
  element(form: TallyForm, field: TallyField): JQuery {
    const suffix = { list: "-list", boolean: "-choice" }[field.kind as "list" | "boolean"] ?? "";
    return $(`#${form.prefix}${field.name}${suffix}`);
  },

  /** A secret that was never set is told from an empty one by nothing; Node-RED would count Done as a change. */
  noSecretYet(node: TallyNode, field: TallyField): void {
    const held = (node.credentials ??= {});
    const stored = (held["_"] ??= {}) as Record<string, unknown>;
    held[`has_${field.name}`] ??= false;
    stored[`has_${field.name}`] ??= false;
  },

  booleanText(value: unknown): string {
    return value === undefined || value === null ? "" : String(value);
  },

  fillList(node: TallyNode, form: TallyForm, field: TallyField): void {
    const columns = field.columns ?? [];
    const list = tallyForm.element(form, field) as JQuery & {
      editableList(...input: unknown[]): JQuery;
    };
    const head = $("<div/>", { class: "tally-list-head" }).css({
      display: "flex",
      gap: "6px",
      padding: "0 48px 4px 34px",
      color: "var(--red-ui-secondary-text-color)",
    });
    for (const column of columns)
      $("<span/>")
        .css({ flex: "1 1 0" })
        .text(node._(`fields.${field.name}.columns.${column.name}`))
        .appendTo(head);
    list.css({ minHeight: "175px", minWidth: "400px" }).editableList({
      removable: true,
      sortable: true,
      addItem(row: JQuery, _index: number, item: Record<string, string>) {
        const line = $("<div/>").css({ display: "flex", gap: "6px" }).appendTo(row);
        for (const column of columns) {
          $("<input/>", { type: "text", class: "tally-list-value", "data-column": column.name })
            .attr("aria-label", node._(`fields.${field.name}.columns.${column.name}`))
            .css({ flex: "1 1 0", minWidth: "0", width: "auto" })
            .attr(item["proposed"] ? { "data-proposed": "true" } : {})
            .val(item[column.name] ?? "")
            .appendTo(line);
        }
      },
    });
    list.closest(".form-row").find(".red-ui-editableList").before(head);
    const rows = Array.isArray(node[field.name]) ? (node[field.name] as object[]) : [];
    list.editableList("addItems", rows);
  },

  /** The rows of a list as they stand in the form; rows in which nothing was typed are left out. */
  listRows(form: TallyForm, field: TallyField): Record<string, string>[] {
    const list = tallyForm.element(form, field) as JQuery & { editableList(action: string): JQuery };
    const rows: Record<string, string>[] = [];
    list.editableList("items").each((_index: number, element: HTMLElement) => {
      // A removed row fades out for a moment before it goes.
      if ($(element).closest("li").hasClass("red-ui-editableList-item-deleting")) return;
      const row: Record<string, string> = {};
      $(element)
        .find(".tally-list-value")
        .each((_column: number, input: HTMLElement) => {
          row[String($(input).data("column"))] = String($(input).val() ?? "").trim();
        });
      // A row that was only proposed counts once something was chosen for it.
      const proposed = $(element).find("[data-proposed]").length > 0;
      const filled = Object.values(row).filter((value) => value !== "").length;
      if (proposed ? filled === (field.columns ?? []).length : filled > 0) rows.push(row);
    });
    return rows;
  },

  /** Before the form closes with Done: what Node-RED does not read by itself goes into the node. */
  save(node: TallyNode, form: TallyForm): void {
    for (const field of form.fields) {
      if (field.kind === "list") {
        const rows = tallyForm.listRows(form, field);
        if (rows.length > 0 || node[field.name] !== undefined) node[field.name] = rows;
      }
      if (field.kind === "boolean") {
        const chosen = String(tallyForm.element(form, field).val() ?? "");
        if (chosen !== tallyForm.booleanText(node[field.name]))
          node[field.name] = chosen === "" ? "" : chosen === "true";
      }
    }
  },

  /** A list is right when every row is filled in whole. */
  checkList(node: TallyNode, rows: unknown): true | string {
    if (!Array.isArray(rows)) return true;
    const empty = (row: unknown) => Object.values(row as object).some((value) => String(value).trim() === "");
    return rows.some(empty) ? node._("form.rowIncomplete") : true;
  },

  checkJson(node: TallyNode, text: unknown): true | string {
    if (typeof text !== "string" || text.trim() === "") return true;
    try {
      JSON.parse(text);
      return true;
    } catch (error) {
      return `${node._("form.notJson")} ${error instanceof Error ? error.message : ""}`.trim();
    }
  },

  /** A row at the end of the form, or behind another row. */
  addRow(form: TallyForm, behind?: JQuery): JQuery {
    const row = $("<div/>", { class: "form-row tally-row" });
    if (behind) behind.after(row);
    else $(`#${form.prefix}name`).closest(".form-row").parent().append(row);
    return row;
  },

  addButton(parent: JQuery, icon: string, text: string, onclick: () => void): JQuery {
    const button = $("<button/>", { type: "button", class: "red-ui-button" }).css({ whiteSpace: "nowrap" });
    button.append($("<i/>", { class: `fa ${icon}` }), document.createTextNode(` ${text}`));
    button.on("click", (event) => {
      event.preventDefault();
      onclick();
    });
    return button.appendTo(parent);
  },

  /** Where an answer is shown: as text, never as HTML, since it may hold what strangers wrote. */
  addAnswer(parent: JQuery): JQuery {
    return $("<div/>", { class: "tally-answer", role: "status" })
      .css({ marginTop: "6px", whiteSpace: "pre-line", overflowWrap: "anywhere" })
      .appendTo(parent);
  },

  show(answer: JQuery, text: string, failed = false): void {
    answer.text(text).css("color", failed ? "var(--red-ui-text-color-error)" : "");
  },

  /** A button below the form that asks the runtime whether the deployed connection works. */
  addTestButton(node: TallyNode, form: TallyForm): void {
    const row = tallyForm.addRow(form);
    const button = tallyForm.addButton(row, "fa-plug", node._("form.test"), () => {
      tallyForm.show(answer, node._("form.testing"));
      button.prop("disabled", true);
      $.ajax({ url: `tallyflow/test/${encodeURIComponent(node.id)}`, type: "POST" })
        .done((found: { message: string }) => tallyForm.show(answer, found.message))
        .fail((failed: JQuery.jqXHR) => tallyForm.show(answer, tallyForm.problem(node, failed), true))
        .always(() => button.prop("disabled", false));
    });
    button.addClass("tally-test");
    $("<span/>")
      .css({ marginLeft: "10px", color: "var(--red-ui-secondary-text-color)" })
      .text(node._("form.testHint"))
      .appendTo(row);
    const answer = tallyForm.addAnswer(row);
  },

  /** What a deployed config node lists: its accounts, its plans. */
  choices(id: string, list: string): JQuery.Promise<TallyChoice[]> {
    return $.getJSON(`tallyflow/list/${encodeURIComponent(id)}/${list}`).then(
      (found: { items: TallyChoice[] }) => found.items,
    ) as unknown as JQuery.Promise<TallyChoice[]>;
  },

  /** A select in the place of a text input. What it held stays chosen, also when the list does not know it. */
  toSelect(input: JQuery, choices: readonly TallyChoice[]): JQuery {
    const held = String(input.val() ?? "");
    const select = $("<select/>")
      .attr("style", input.attr("style") ?? "")
      .addClass(input.attr("class") ?? "")
      .attr("aria-label", input.attr("aria-label") ?? "");
    const column = input.attr("data-column");
    if (column) select.attr("data-column", column);
    if (input.attr("data-proposed")) select.attr("data-proposed", "true");
    const same = choices.find(
      (choice) => held !== "" && (choice.value === held || choice.also?.includes(held)),
    );
    $("<option/>", { value: "" }).appendTo(select);
    for (const choice of choices)
      $("<option/>", { value: choice === same ? held : choice.value })
        .text(choice.label)
        .appendTo(select);
    if (held !== "" && !same) $("<option/>", { value: held }).text(held).appendTo(select);
    select.val(held);
    input.replaceWith(select);
    return select;
  },

  /** A failed request in words. Set as text, never as HTML: messages may hold what strangers wrote. */
  problem(node: TallyNode, failed: JQuery.jqXHR): string {
    const body = failed.responseJSON as { message?: string } | undefined;
    if (body?.message) return body.message;
    if (failed.status === 404) return node._("form.deployFirst");
    if (failed.status === 401 || failed.status === 403) return node._("form.notAllowed");
    return node._("form.noAnswer");
  },
};
