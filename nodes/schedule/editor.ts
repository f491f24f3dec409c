tallyHooks["tally-schedule"] = {
  prepare(node, form) {
    const cron = $(`#${form.prefix}cron`);
    const zone = $(`#${form.prefix}timeZone`);
    const text = $("<div/>").css({ fontWeight: "bold" });
    const next = $("<div/>").css({ whiteSpace: "pre-line", opacity: "0.8" });
    cron
      .closest(".form-row")
      .after($("<div/>", { class: "form-row" }).css({ marginLeft: "145px" }).append(text, next));
    let asked = 0;
    const describe = () => {
      const request = ++asked;
      const fallback = (name: string) =>
        String(form.fields.find((field) => field.name === name)?.default ?? "");
      const query = {
        cron: String(cron.val() || fallback("cron")),
        timeZone: String(zone.val() || fallback("timeZone")),
      };
      $.getJSON("tallyflow/schedule/describe", query)
        .done((found: { text: string; next: string[] }) => {
          if (request !== asked) return;
          text.text(found.text);
          next.text(found.next.join("\n"));
        })
        .fail((failed: JQuery.jqXHR) => {
          if (request !== asked) return;
          text.text(tallyForm.problem(node, failed));
          next.text("");
        });
    };
    cron.on("input change", describe);
    zone.on("input change", describe);
    describe();
  },
  button: {
    enabled() {
      return !this.changed;
    },
    onclick() {
      if (this.changed) {
        RED.notify(
          RED._("notification.warning", { message: RED._("notification.warnings.undeployedChanges") }),
          "warning",
        );
        return;
      }
      $.ajax({ url: `tallyflow/schedule/${encodeURIComponent(this.id)}/run`, type: "POST" })
        .done(() => RED.notify(this._("started"), { type: "success", timeout: 2000 }))
        .fail((failed: JQuery.jqXHR) =>
          RED.notify($("<div/>").text(tallyForm.problem(this, failed)).html(), "error"),
        );
    },
  },
};
