/**
 * Signing keys in D1. The private key is sealed with AES-256-GCM under a key from AUTH_SECRET. The seal also authenticates the
 * key id, which is the thumbprint of the public key, so a private key cannot be moved to another row.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { SIGNING_ALGORITHMS } from '../config/tokens.ts'
import {
  aesGcmKey,
  type Bytes,
  concat,
  fromBase64Url,
  randomBytes,
  toBase64Url,
  utf8,
} from '../crypto/bytes.ts'
import { derivePurposeKeys, type PurposeKeys } from '../crypto/secrets.ts'
import { describeError, log } from '../runtime/log.ts'
import type { ScheduledKey } from './key-schedule.ts'

export interface StoredKey extends ScheduledKey {
  readonly publicJwk: JWK
  readonly publicKey: CryptoKey
  readonly sealedPrivateJwk: string
  readonly secretId: string
}

export interface SigningKeyRow {
  readonly kid: string
  readonly alg: string
  readonly public_jwk: string
  readonly sealed_private_jwk: string
  readonly secret_id: string
  readonly created_at: number
  readonly signs_from: number
}

const NONCE_BYTES = 12
const RSA_MODULUS_BITS = 2048

export function deriveSealKeys(authSecret: string, fallback: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse signing key seal v1', aesGcmKey)
}

/** Makes a key pair and seals it. `alg` and times as in ScheduledKey. */
export async function makeKey(
  { alg, signsFrom, createdAt }: Omit<ScheduledKey, 'kid'>,
  keys: PurposeKeys,
): Promise<StoredKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, {
    extractable: true,
    modulusLength: RSA_MODULUS_BITS,
  })
  const publicJwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const sealed = await sealPrivateJwk(kid, await exportJWK(privateKey), keys)
  return { kid, alg, createdAt, signsFrom, publicJwk, publicKey, ...sealed }
}

/** @returns the private key, or null if no configured secret unseals it. */
export async function unsealPrivateJwk(key: StoredKey, keys: PurposeKeys): Promise<JWK | null> {
  const secretId = fromBase64Url(key.secretId)
  const sealed = fromBase64Url(key.sealedPrivateJwk)
  const purposeKey = secretId === null ? null : keys.find(secretId)
  if (purposeKey === null || sealed === null) return null
  const algorithm = { name: 'AES-GCM', iv: sealed.slice(0, NONCE_BYTES), additionalData: utf8(key.kid) }
  try {
    const opened = await crypto.subtle.decrypt(algorithm, purposeKey.key, sealed.slice(NONCE_BYTES))
    return JSON.parse(new TextDecoder().decode(opened))
  } catch {
    return null
  }
}

/** @returns the key sealed under the current secret, or null if it already is, or no configured secret unseals it. */
export async function resealKey(key: StoredKey, keys: PurposeKeys): Promise<StoredKey | null> {
  if (key.secretId === toBase64Url(keys.current.secretId)) return null
  const privateJwk = await unsealPrivateJwk(key, keys)
  return privateJwk === null ? null : { ...key, ...(await sealPrivateJwk(key.kid, privateJwk, keys)) }
}

async function sealPrivateJwk(kid: string, privateJwk: JWK, { current }: PurposeKeys) {
  const sealed = await seal(current.key, kid, utf8(JSON.stringify(privateJwk)))
  return { sealedPrivateJwk: toBase64Url(sealed), secretId: toBase64Url(current.secretId) }
}

async function seal(key: CryptoKey, kid: string, plaintext: Bytes): Promise<Bytes> {
  const nonce = randomBytes(NONCE_BYTES)
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: utf8(kid) }
  return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext)))
}

export interface StoredKeys {
  /** The keys that can be read. The log names the others. */
  readonly keys: readonly StoredKey[]
  /** The ids of all rows. */
  readonly kids: readonly string[]
}

/** Reads all rows. Convert them with `toStoredKeys`. */
export function selectKeys(db: D1Database): D1PreparedStatement {
  return db.prepare('SELECT * FROM signing_keys')
}

export async function toStoredKeys(rows: readonly SigningKeyRow[]): Promise<StoredKeys> {
  const keys = await Promise.all(rows.map(toKeyOrNull))
  return { keys: keys.filter((key) => key !== null), kids: rows.map(({ kid }) => kid) }
}

async function toKeyOrNull(row: SigningKeyRow): Promise<StoredKey | null> {
  try {
    return await toStoredKey(row)
  } catch (error) {
    log('error', 'signing_key_damaged', { kid: row.kid, error: describeError(error) })
    return null
  }
}

/** Inserts the first key set unless any key exists: of many first requests at once, only one inserts. */
export function insertFirstKeys(
  db: D1Database,
  [first, second]: readonly [StoredKey, StoredKey],
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, secret_id, created_at, signs_from)
       SELECT * FROM (VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7), (?8, ?9, ?10, ?11, ?12, ?13, ?14))
       WHERE NOT EXISTS (SELECT 1 FROM signing_keys)`,
    )
    .bind(...toValues(first), ...toValues(second))
}

/**
 * Inserts a planned key, unless another run has inserted one since.
 * @param planned the ids of all rows that the plan is based on, and of the keys that it creates
 */
export function insertPlannedKey(
  db: D1Database,
  key: StoredKey,
  planned: readonly string[],
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, secret_id, created_at, signs_from)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE kid NOT IN (SELECT value FROM json_each(?8)))`,
    )
    .bind(...toValues(key), JSON.stringify(planned))
}

/** Deletes a key unless it signs already. */
export function withdrawKey(db: D1Database, kid: string, now: number): D1PreparedStatement {
  return db.prepare('DELETE FROM signing_keys WHERE kid = ?1 AND signs_from > ?2').bind(kid, now)
}

export function deleteKey(db: D1Database, kid: string): D1PreparedStatement {
  return db.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(kid)
}

/** Makes a key sign earlier, never later. */
export function advanceKey(db: D1Database, kid: string, signsFrom: number): D1PreparedStatement {
  return db
    .prepare('UPDATE signing_keys SET signs_from = ?2 WHERE kid = ?1 AND signs_from > ?2')
    .bind(kid, signsFrom)
}

/** Replaces a seal if it is still the one that was opened. */
export function replaceSeal(db: D1Database, opened: StoredKey, resealed: StoredKey): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE signing_keys SET sealed_private_jwk = ?3, secret_id = ?4
       WHERE kid = ?1 AND sealed_private_jwk = ?2`,
    )
    .bind(opened.kid, opened.sealedPrivateJwk, resealed.sealedPrivateJwk, resealed.secretId)
}

function toValues(key: StoredKey): readonly unknown[] {
  const publicJwk = JSON.stringify(key.publicJwk)
  return [key.kid, key.alg, publicJwk, key.sealedPrivateJwk, key.secretId, key.createdAt, key.signsFrom]
}

/** @throws if the algorithm is not one that signs here, or the id is not the thumbprint of the public key */
async function toStoredKey(row: SigningKeyRow): Promise<StoredKey> {
  const { kid, alg } = row
  const publicJwk: JWK = JSON.parse(row.public_jwk)
  if (!SIGNING_ALGORITHMS.some((name) => name === alg)) throw new Error('not an algorithm that signs here')
  if ((await calculateJwkThumbprint(publicJwk)) !== kid) throw new Error('the public key has another id')
  return {
    kid,
    alg,
    publicJwk,
    publicKey: (await importJWK(publicJwk, alg)) as CryptoKey,
    sealedPrivateJwk: row.sealed_private_jwk,
    secretId: row.secret_id,
    createdAt: row.created_at,
    signsFrom: row.signs_from,
  }
}
