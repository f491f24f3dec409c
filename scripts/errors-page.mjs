// Writes docs/errors.md from the table of codes in lib/values/errors.ts. `--check` only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { ERROR_CODES } = createRequire(import.meta.url)(path.join(root, "dist/lib/values/errors.js"));
const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
const page = `# Errors

Every error that Tallyflow raises on purpose has a code for programs and a message for people: what happened, to what,
what to do. A Catch node receives the message and the code in \`msg.error\`; all of it is in \`msg.tally.error\`
(\`code\`, \`message\`, \`retryable\`, \`details\`). \`retryable\` says that the same call may succeed later with nothing
changed. This page is made from the table in \`lib/values/errors.ts\`.

| code | meaning |
| --- | --- |
${rows.join("\n")}
`;
const file = path.join(root, "docs/errors.md");
if (process.argv.includes("--check")) process.exit(readFileSync(file, "utf8") === page ? 0 : 1);
writeFileSync(file, page);
