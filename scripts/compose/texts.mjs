// How values are written into forms and pages.

/** A value as text. */
export function plain(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Text within HTML. */
export function escape(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
