tallyHooks["tally-budget"] = {
  prepare(node, form) {
    addPlanChooser(node, form);
    addAccountLoader(node, form);
    tallyForm.addTestButton(node, form);
  },
};

/** Beside the plan: a button that lists the plans of the deployed token. */
function addPlanChooser(node: TallyNode, form: TallyForm): void {
  const input = $(`#${form.prefix}plan`).css({ width: "calc(100% - 270px)" });
  const row = input.closest(".form-row");
  const button = tallyForm.addButton(row, "fa-list", node._("choosePlan"), () => {
    tallyForm.show(answer, node._("form.loading"));
    tallyForm.choices(node.id, "plans").then(
      (plans) => {
        tallyForm.show(answer, plans.length === 0 ? node._("noPlans") : "");
        // Node-RED reads the value by the id of the input, so that is kept and hidden.
        input.hide();
        row.find(".tally-plan").remove();
        const shown = input.clone().removeAttr("id").show().insertAfter(input);
        const select = tallyForm.toSelect(shown, plans).addClass("tally-plan");
        select.on("change", () => input.val(String(select.val() ?? "")).trigger("change"));
      },
      (failed: JQuery.jqXHR) => tallyForm.show(answer, tallyForm.problem(node, failed), true),
    );
  });
  button.css({ marginLeft: "10px", width: "110px" });
  const answer = tallyForm.addAnswer(row).css({ marginLeft: "150px" });
}

/** Below the accounts: a button that turns their fields into lists, and adds the bank accounts that are not there yet. */
function addAccountLoader(node: TallyNode, form: TallyForm): void {
  const field = form.fields.find((one) => one.name === "accounts");
  if (!field) return;
  const list = tallyForm.element(form, field) as JQuery & { editableList(...input: unknown[]): JQuery };
  const row = tallyForm.addRow(form, list.closest(".form-row"));
  const button = tallyForm.addButton(row, "fa-refresh", node._("loadAccounts"), () => {
    tallyForm.show(answer, node._("form.loading"));
    button.prop("disabled", true);
    void load().finally(() => button.prop("disabled", false));
  });
  button.addClass("tally-load-accounts");
  const answer = tallyForm.addAnswer(row);

  const load = async (): Promise<void> => {
    const problems: string[] = [];
    const ask = async (id: string, name: string): Promise<TallyChoice[]> => {
      try {
        return await tallyForm.choices(id, "accounts");
      } catch (failed) {
        problems.push(`${name}: ${tallyForm.problem(node, failed as JQuery.jqXHR)}`);
        return [];
      }
    };
    const banks: TallyNode[] = [];
    RED.nodes.eachConfig((config) => {
      if (config.type === "tally-bank") banks.push(config);
    });
    if (banks.length === 0) problems.push(node._("noBank"));
    const [budget, ...lists] = await Promise.all([
      ask(node.id, node.name || node._("label")),
      ...banks.map((bank) => ask(bank.id, bank.name || bank.type)),
    ]);
    fill(lists.flat(), budget ?? []);
    const found = node._("accountsFound", {
      bank: String(lists.flat().length),
      budget: String((budget ?? []).length),
    });
    tallyForm.show(answer, [found, ...problems].join("\n"), problems.length > 0);
  };

  const fill = (bank: readonly TallyChoice[], budget: readonly TallyChoice[]): void => {
    const listed = tallyForm.listRows(form, field).map((one) => one["bank"] ?? "");
    for (const choice of bank) {
      if (listed.some((name) => name === choice.value || choice.also?.includes(name))) continue;
      list.editableList("addItem", { bank: choice.value, proposed: "true" });
    }
    list.editableList("items").each((_index: number, element: HTMLElement) => {
      for (const input of $(element).find("input.tally-list-value").toArray()) {
        const choices = $(input).data("column") === "bank" ? bank : budget;
        if (choices.length > 0) tallyForm.toSelect($(input), choices);
      }
    });
  };
}
