tallyHooks["tally-bank-webhook"] = {
  prepare(node, form) {
    const input = $(`#${form.prefix}secret`);
    const row = tallyForm.addRow(form, input.closest(".form-row")).css({ marginLeft: "145px" });
    tallyForm
      .addButton(row, "fa-random", node._("generate"), () => {
        const bytes = crypto.getRandomValues(new Uint8Array(32));
        const secret = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        input.val(secret).trigger("change");
        tallyForm.show(answer, node._("generated"));
      })
      .addClass("tally-generate");
    const answer = tallyForm.addAnswer(row);
  },
};
