tallyHooks["tally-model-server"] = {
  prepare(node, form) {
    const input = $(`#${form.prefix}token`);
    const row = tallyForm.addRow(form, input.closest(".form-row")).css({ marginLeft: "145px" });
    tallyForm
      .addButton(row, "fa-random", node._("generate"), () => {
        const bytes = crypto.getRandomValues(new Uint8Array(32));
        const token = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        input.val(token).trigger("change");
        // Shown this once: Node-RED never gives a credential back to the editor.
        tallyForm.show(answer, `${node._("generated")}\n${token}`);
      })
      .addClass("tally-generate");
    const answer = tallyForm.addAnswer(row);
  },
};
