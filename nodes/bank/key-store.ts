import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { KeyStore } from "../../lib/bank";
import { sha256 } from "../../lib/values";

/**
 * Keeps a connection's private key and tokens in a file beside the user directory's other data, encrypted (AES-256-GCM)
 * with a key that is derived from the API key: the file alone is of no use to a thief, and flows and backups of the
 * store hold none of it.
 */
export function keyFile(folder: string, name: string, apiKey: string): KeyStore {
  const file = path.join(folder, `${sha256(name).slice(0, 16)}.key`);
  const keyOf = (salt: Buffer) => Buffer.from(hkdfSync("sha256", apiKey, salt, "tallyflow key file", 32));
  return {
    async load() {
      let bytes: Buffer;
      try {
        bytes = await readFile(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      const [salt, iv, tag, body] = [
        bytes.subarray(0, 16),
        bytes.subarray(16, 28),
        bytes.subarray(28, 44),
        bytes.subarray(44),
      ];
      try {
        const decipher = createDecipheriv("aes-256-gcm", keyOf(salt), iv).setAuthTag(tag);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
      } catch {
        // Of another API key, or damaged: the connection registers anew, as it does at first.
        return undefined;
      }
    },
    async save(text) {
      const [salt, iv] = [randomBytes(16), randomBytes(12)];
      const cipher = createCipheriv("aes-256-gcm", keyOf(salt), iv);
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(`${file}.new`, Buffer.concat([salt, iv, cipher.getAuthTag(), body]), { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}
