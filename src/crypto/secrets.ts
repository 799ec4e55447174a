/**
 * A secret and the one that is accepted beside it while one replaces the other, as keys per purpose. Whatever
 * is made with a key carries the id of its secret, so that the right key is found again without trying.
 */
import { type Bytes, constantTimeEqual, hkdf } from './bytes.ts'

/** Length of a secret's public id: it names a secret and tells nothing about it. */
export const SECRET_ID_BYTES = 4

export interface PurposeKey<Key = CryptoKey> {
  readonly secretId: Bytes
  readonly key: Key
}

export interface PurposeKeys<Key = CryptoKey> {
  /** The key that new things are made with. */
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
 * @param fallback the secret that is accepted too, if any (AUTH_SECRET_FALLBACK)
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
