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
  changed?: boolean;
  credentials?: Record<string, unknown>;
  _(key: string, values?: Record<string, string>): string;
  [property: string]: unknown;
}

/** What this code uses of Node-RED's editor. */
declare const RED: {
  nodes: { registerType(type: string, definition: object): void };
  notify(message: string, options: string | { type: string; timeout?: number }): void;
  _(key: string, values?: Record<string, string>): string;
};

/** By node type: what the node's own editor.ts adds. */
const tallyHooks: Record<string, TallyHooks> = {};

const tallyForm = {
  /** Ready the form: dependent rows, lists, and what the node adds. */
  prepare(node: TallyNode, form: TallyForm, hooks: TallyHooks): void {
    for (const field of form.fields) if (field.kind === "list") tallyForm.fillList(node, form, field);
    const refresh = () => {
      for (const field of form.fields) {
        const { when } = field;
        if (!when) continue;
        const other = form.fields.find((one) => one.name === when.field);
        const chosen = $(`#${form.prefix}${when.field}`).val() || other?.default;
        tallyForm
          .element(form, field)
          .closest(".form-row")
          .toggle(when.values.includes(String(chosen)));
      }
    };
    for (const name of new Set(form.fields.flatMap((field) => (field.when ? [field.when.field] : []))))
      $(`#${form.prefix}${name}`).on("change", refresh);
    refresh();
    hooks.prepare?.(node, form);
  },

  /** The input of a field. A list has an id of its own, so that Node-RED does not read it as an input. */
  element(form: TallyForm, field: TallyField): JQuery {
    return $(`#${form.prefix}${field.name}${field.kind === "list" ? "-list" : ""}`);
  },

  fillList(node: TallyNode, form: TallyForm, field: TallyField): void {
    const columns = field.columns ?? [];
    const list = tallyForm.element(form, field) as JQuery & {
      editableList(...input: unknown[]): JQuery;
    };
    list.css({ minHeight: "120px", minWidth: "400px" }).editableList({
      removable: true,
      sortable: true,
      addItem(row: JQuery, _index: number, item: Record<string, string>) {
        const line = $("<div/>").css({ display: "flex", gap: "6px" }).appendTo(row);
        for (const column of columns) {
          $("<input/>", { type: "text", class: "tally-list-value", "data-column": column.name })
            .attr("placeholder", node._(`fields.${field.name}.columns.${column.name}`))
            .css({ flex: "1 1 0", minWidth: "0" })
            .val(item[column.name] ?? "")
            .appendTo(line);
        }
      },
    });
    const rows = Array.isArray(node[field.name]) ? (node[field.name] as object[]) : [];
    list.editableList("addItems", rows);
  },

  /** Before the form closes with Done: lists go into the node; Node-RED takes care of the other fields. */
  save(node: TallyNode, form: TallyForm): void {
    for (const field of form.fields.filter((one) => one.kind === "list")) {
      const list = tallyForm.element(form, field) as JQuery & { editableList(action: string): JQuery };
      const rows: Record<string, string>[] = [];
      list.editableList("items").each((_index: number, element: HTMLElement) => {
        const row: Record<string, string> = {};
        $(element)
          .find(".tally-list-value")
          .each((_column: number, input: HTMLElement) => {
            row[String($(input).data("column"))] = String($(input).val() ?? "").trim();
          });
        if (Object.values(row).some((value) => value !== "")) rows.push(row);
      });
      node[field.name] = rows;
    }
  },

  /** A button below the form that asks the runtime whether the deployed connection works. */
  addTestButton(node: TallyNode, form: TallyForm): void {
    const row = $("<div/>", { class: "form-row" });
    const button = $("<button/>", { type: "button", class: "red-ui-button" }).text(node._("form.test"));
    const answer = $("<span/>").css({ marginLeft: "10px" });
    row.append(button, answer);
    $(`#${form.prefix}name`).closest("form, .form-horizontal, div.dialog-form").append(row);
    button.on("click", () => {
      answer.text(node._("form.testing"));
      $.ajax({ url: `tallyflow/test/${encodeURIComponent(node.id)}`, type: "POST" })
        .done((found: { message: string }) => answer.text(found.message))
        .fail((failed: JQuery.jqXHR) => answer.text(tallyForm.problem(node, failed)));
    });
  },

  /** A failed request in words. Set as text, never as HTML: messages may hold what strangers wrote. */
  problem(node: TallyNode, failed: JQuery.jqXHR): string {
    const body = failed.responseJSON as { message?: string } | undefined;
    if (body?.message) return body.message;
    if (failed.status === 404) return node._("form.deployFirst");
    if (failed.status === 401) return node._("form.notAllowed");
    return node._("form.noAnswer");
  },
};
