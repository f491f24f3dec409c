import { claimSimpleFin, type KeyStore } from "../../lib/bank";

/** Claims that are under way, by the file that will hold what they give: a token can be claimed once. */
const claiming = new Map<string, Promise<string>>();

/**
 * The access URL that a setup token stands for: as it was kept, else claimed now and kept before anyone uses it.
 * @param file names the place where it is kept
 * @throws TallyError as `claimSimpleFin`; what the key store throws when nothing can be written there, in which case the
 *   token is not claimed
 */
export async function accessUrlOf(setupToken: string, keys: KeyStore, file: string): Promise<string> {
  let claim = claiming.get(file);
  if (!claim) {
    claim = keptOrClaimed(setupToken, keys).finally(() => claiming.delete(file));
    claiming.set(file, claim);
  }
  return claim;
}

async function keptOrClaimed(setupToken: string, keys: KeyStore): Promise<string> {
  const kept = await keys.load();
  if (kept) return kept;
  // An empty text first: a disk that takes nothing must not cost the token.
  await keys.save("");
  const accessUrl = await claimSimpleFin(setupToken);
  await keys.save(accessUrl);
  return accessUrl;
}
