/**
 * Signing keys in D1, the private half sealed with AES-256-GCM under a key from AUTH_SECRET. The key id, which
 * is the thumbprint of the public half, is authenticated with it: a row's halves cannot be mixed.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { aesGcmKey, type Bytes, concat, fromBase64Url, randomBytes, toBase64Url, utf8 } from '../bytes.ts'
import { derivePurposeKeys, type PurposeKeys } from '../secrets.ts'
import type { ScheduledKey } from './key-schedule.ts'

export interface StoredKey extends ScheduledKey {
  readonly publicJwk: JWK
  readonly sealedPrivateJwk: string
  readonly secretId: string
}

interface SigningKeyRow {
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

export function deriveSealKeys(authSecret: string, also: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, also, 'gatehouse signing key seal v1', aesGcmKey)
}

/** Makes a key pair and seals it. `alg` and times as in ScheduledKey. */
export async function makeKey(
  { alg, signsFrom, createdAt }: Omit<ScheduledKey, 'kid'>,
  { current }: PurposeKeys,
): Promise<StoredKey> {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: RSA_MODULUS_BITS })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  const privateJwk = utf8(JSON.stringify(await exportJWK(pair.privateKey)))
  const sealedPrivateJwk = toBase64Url(await seal(current.key, kid, privateJwk))
  return {
    kid,
    alg,
    createdAt,
    signsFrom,
    publicJwk,
    sealedPrivateJwk,
    secretId: toBase64Url(current.secretId),
  }
}

/** @returns the private key, or null where no known secret unseals it. */
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

async function seal(key: CryptoKey, kid: string, plaintext: Bytes): Promise<Bytes> {
  const nonce = randomBytes(NONCE_BYTES)
  const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: utf8(kid) }
  return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext)))
}

/** All keys, from the primary. */
export async function listKeys(db: D1Database): Promise<readonly StoredKey[]> {
  const statement = db.withSession('first-primary').prepare('SELECT * FROM signing_keys')
  const { results } = await statement.run<SigningKeyRow>()
  return results.map(toStoredKey)
}

/** Inserts the first key set, unless any key is there: of many first requests at once, one wins. */
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

/** Inserts the next key, unless another cron run was faster. */
export function insertNextKey(db: D1Database, key: StoredKey): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, secret_id, created_at, signs_from)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE signs_from > ?6)`,
    )
    .bind(...toValues(key))
}

export function deleteKey(db: D1Database, kid: string): D1PreparedStatement {
  return db.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(kid)
}

function toValues(key: StoredKey): readonly unknown[] {
  const publicJwk = JSON.stringify(key.publicJwk)
  return [key.kid, key.alg, publicJwk, key.sealedPrivateJwk, key.secretId, key.createdAt, key.signsFrom]
}

function toStoredKey(row: SigningKeyRow): StoredKey {
  return {
    kid: row.kid,
    alg: row.alg,
    publicJwk: JSON.parse(row.public_jwk),
    sealedPrivateJwk: row.sealed_private_jwk,
    secretId: row.secret_id,
    createdAt: row.created_at,
    signsFrom: row.signs_from,
  }
}
