/** Makes a function that takes secrets out of a text, so that none reaches an error, a log or the ledger. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length > 3).sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text.replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 ***");
    for (const secret of known) {
      clean = clean.replaceAll(secret, "***").replaceAll(encodeURIComponent(secret), "***");
    }
    return clean;
  };
}
