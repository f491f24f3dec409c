tallyHooks["tally-bank"] = { prepare: (node, form) => tallyForm.addTestButton(node, form) };
