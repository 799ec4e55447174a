/**
 * Keys per purpose, derived from a secret and its fallback, which is also accepted while one secret replaces the other. Everything
 * that is made with a key contains the id of the key's secret, so that the right key is found without trying each.
 */
import { type Bytes, constantTimeEqual, hkdf } from './bytes.ts'

/** The length of a secret's public id, which identifies the secret without revealing anything about it. */
export const SECRET_ID_BYTES = 4

export interface PurposeKey<Key = CryptoKey> {
  readonly secretId: Bytes
  readonly key: Key
}

export interface PurposeKeys<Key = CryptoKey> {
  /** The key for everything that is made new. */
  readonly current: PurposeKey<Key>
  /** @returns the key of the secret with this id, or null for an unknown secret. */
  readonly find: (secretId: Bytes) => PurposeKey<Key> | null
}

/** @returns the public id of a secret. */
function secretIdOf(secret: string): Promise<Bytes> {
  return hkdf(secret, 'gatehouse secret id v1', SECRET_ID_BYTES)
}

/**
 * Derives each secret's key for one purpose.
 * @param fallback the secret that is also accepted, if any (AUTH_SECRET_FALLBACK)
 */
export async function derivePurposeKeys<Key>(
  secret: string,
  fallback: string | undefined,
  purpose: string,
  deriveKey: (secret: string, purpose: string) => Promise<Key>,
): Promise<PurposeKeys<Key>> {
  const derive = async (text: string) => ({
    secretId: await secretIdOf(text),
    key: await deriveKey(text, purpose),
  })
  const current = await derive(secret)
  const all = fallback === undefined ? [current] : [current, await derive(fallback)]
  return { current, find: (id) => all.find(({ secretId }) => constantTimeEqual(secretId, id)) ?? null }
}
