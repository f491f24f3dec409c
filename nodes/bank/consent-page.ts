/** The page on which a person stands who came back from the bank. */

export interface ConsentPage {
  /** BCP 47 language of the texts. */
  language: string;
  title: string;
  /** May hold what strangers wrote. */
  message: string;
  hint: string;
  ok: boolean;
}

/** Headers of the page: it runs nothing, loads nothing, stands in no frame, is kept nowhere and names itself to nobody. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** The page as HTML, with everything escaped. */
export function consentPage({ language, title, message, hint, ok }: ConsentPage): string {
  const colour = ok ? "#2e7d32" : "#b3261e";
  return `<!doctype html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; border-left: .4rem solid ${colour}; padding-left: .8rem; }
p { overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>${escaped(message)}</p>
<p>${escaped(hint)}</p>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  const names: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character]!);
}
