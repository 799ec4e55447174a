/**
 * The refresh token: base64url of
 *   version (1) · secret id (4) · account (16) · session (16) · family (16) · generation (4) · family secret (16) · HMAC (32)
 * The HMAC-SHA-256 under a key from AUTH_SECRET covers everything before it. A forged token is refused before any object is
 * woken. The object stores only SHA-256 of the family secret, so neither a leaked AUTH_SECRET nor a leaked object is enough to
 * make a token. The same family and generation always give the same token under one AUTH_SECRET and family secret.
 */
import {
  type Bytes,
  concat,
  fromBase64Url,
  hmac,
  hmacKey,
  randomBytes,
  sha256,
  toBase64Url,
} from '../crypto/bytes.ts'
import { idFromBytes, idToBytes, newId, UUID_BYTES } from '../crypto/ids.ts'
import { derivePurposeKeys, type PurposeKeys, SECRET_ID_BYTES } from '../crypto/secrets.ts'
import type { NewFamily } from './token-family.ts'

export interface RefreshToken {
  readonly accountId: string
  readonly sessionId: string
  readonly familyId: string
  /** How many times the refresh token had been rotated since its family was opened. */
  readonly generation: number
  /** 16 random bytes, which belong to the family. */
  readonly familySecret: Bytes
}

export const FAMILY_SECRET_BYTES = 16

const FORMAT_VERSION = 1
const HMAC_BYTES = 32
const IDS = 1 + SECRET_ID_BYTES
const OFFSETS = {
  secretId: 1,
  account: IDS,
  session: IDS + UUID_BYTES,
  family: IDS + 2 * UUID_BYTES,
  generation: IDS + 3 * UUID_BYTES,
  familySecret: IDS + 3 * UUID_BYTES + 4,
  hmac: IDS + 3 * UUID_BYTES + 4 + FAMILY_SECRET_BYTES,
}
const TOKEN_BYTES = OFFSETS.hmac + HMAC_BYTES

/** A family with the secret that its tokens carry, which no object ever gets. */
export interface IssuableFamily {
  readonly family: NewFamily
  readonly generation: number
  readonly secret: Bytes
}

/** Makes a family with a random secret. */
export async function makeFamily(
  client: Pick<NewFamily, 'kind' | 'clientId' | 'scope'>,
  nowMs: number,
): Promise<IssuableFamily> {
  const secret = randomBytes(FAMILY_SECRET_BYTES)
  const family = { ...client, id: newId(nowMs), secretHash: await sha256(secret) }
  return { family, generation: 0, secret }
}

/** @param fallback AUTH_SECRET_FALLBACK, which is also accepted */
export function deriveRefreshKeys(authSecret: string, fallback: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse refresh token v1', hmacKey)
}

/** The hosted pages' tokens have the same format under other keys: neither is accepted in place of the other. */
export function derivePageKeys(authSecret: string, fallback: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse page token v1', hmacKey)
}

export async function makeRefreshToken(token: RefreshToken, { current }: PurposeKeys): Promise<string> {
  const generation = new Uint8Array(4)
  new DataView(generation.buffer).setUint32(0, token.generation)
  const body = concat(
    Uint8Array.of(FORMAT_VERSION),
    current.secretId,
    idToBytes(token.accountId),
    idToBytes(token.sessionId),
    idToBytes(token.familyId),
    generation,
    token.familySecret,
  )
  return toBase64Url(concat(body, await hmac(current.key, body)))
}

/** @returns the contents of the token, or null if this service did not make it. */
export async function readRefreshToken(text: string, keys: PurposeKeys): Promise<RefreshToken | null> {
  const bytes = fromBase64Url(text)
  if (bytes === null || bytes.length !== TOKEN_BYTES || bytes[0] !== FORMAT_VERSION) return null
  const key = keys.find(bytes.slice(OFFSETS.secretId, OFFSETS.account))?.key
  if (key === undefined) return null
  const genuine = await crypto.subtle.verify(
    'HMAC',
    key,
    bytes.slice(OFFSETS.hmac),
    bytes.slice(0, OFFSETS.hmac),
  )
  return genuine ? unpack(bytes) : null
}

function unpack(bytes: Bytes): RefreshToken | null {
  const accountId = idFromBytes(bytes.slice(OFFSETS.account, OFFSETS.session))
  const sessionId = idFromBytes(bytes.slice(OFFSETS.session, OFFSETS.family))
  const familyId = idFromBytes(bytes.slice(OFFSETS.family, OFFSETS.generation))
  if (accountId === null || sessionId === null || familyId === null) return null
  const generation = new DataView(bytes.buffer).getUint32(OFFSETS.generation)
  const familySecret = bytes.slice(OFFSETS.familySecret, OFFSETS.hmac)
  return { accountId, sessionId, familyId, generation, familySecret }
}
