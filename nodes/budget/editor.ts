tallyHooks["tally-budget"] = { prepare: (node, form) => tallyForm.addTestButton(node, form) };
