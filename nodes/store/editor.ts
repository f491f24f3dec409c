tallyHooks["tally-store"] = { prepare: (node, form) => tallyForm.addTestButton(node, form) };
