/** The page of a simulated bank, on which a person allows access or does not. */

/** Does a browser ask, in which a person can answer? Programs are taken to say yes. */
export function wantsPage(accept: string | undefined): boolean {
  return (accept ?? "").includes("text/html");
}

/** @param allow @param refuse addresses that the two answers lead to */
export function bankPage(bank: string, allow: string, refuse: string): string {
  const escaped = (text: string) =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escaped(bank)}</title>
<style>body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem }
a { display: inline-block; padding: .5rem 1rem; margin-right: 1rem; border: 1px solid; border-radius: .3rem }</style>
</head>
<body>
<h1>${escaped(bank)}</h1>
<p>This is a simulated bank. May Tallyflow read the accounts?</p>
<p><a id="allow" href="${escaped(allow)}">Allow</a><a id="refuse" href="${escaped(refuse)}">Refuse</a></p>
</body>
</html>
`;
}
