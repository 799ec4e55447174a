/**
 * PBKDF2-HMAC-SHA-256 with WebCrypto: derive, verify, decoy. Every check of a password takes at least the work of the current
 * parameters, whatever hash is stored and whether one is stored at all.
 */
import {
  type Bytes,
  constantTimeEqual,
  hkdf,
  hmac,
  hmacKey,
  randomBytes,
  sha256,
  toBase64Url,
  utf8,
} from '../crypto/bytes.ts'
import { formatPhc, MAX_ITERATIONS_PER_CALL, type PasswordHash, parsePhc } from './phc.ts'

/** OWASP Password Storage Cheat Sheet: 600,000 iterations of PBKDF2-HMAC-SHA256. */
export const CURRENT_ITERATIONS = 100_000
export const CURRENT_ROUNDS = 6

const SALT_BYTES = 16
const HASH_BYTES = 32
const PEPPER_ID_BYTES = 4

/** A secret that is an input of every hash, so that a leaked database alone does not reveal passwords. */
export interface Pepper {
  readonly id: string
  readonly key: CryptoKey
}

export type Verification =
  | { readonly match: boolean; readonly needsRehash: boolean }
  /** The stored string cannot be used: it is damaged, has absurd parameters, or was made with a pepper that is not configured. */
  | { readonly unusable: 'malformed' | 'unknown_pepper' }

export async function derivePepper(secret: string): Promise<Pepper> {
  const id = toBase64Url(await hkdf(secret, 'gatehouse pepper id v1', PEPPER_ID_BYTES))
  return { id, key: await hmacKey(secret, 'gatehouse pepper v1') }
}

/** @returns the PHC string to store for a password, NFC-normalised. */
export async function hashPassword(password: string, pepper: Pepper | null): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const parameters = { iterations: CURRENT_ITERATIONS, rounds: CURRENT_ROUNDS, salt }
  const hash = await deriveRounds(await toInput(password, pepper), parameters)
  return formatPhc({ ...parameters, pepperId: pepper?.id ?? null, hash })
}

/** Compares a password with a stored PHC string. A string that cannot be used takes the same work as any other. */
export async function verifyPassword(
  password: string,
  phc: string,
  pepper: Pepper | null,
): Promise<Verification> {
  const stored = parsePhc(phc)
  const peppered = stored !== null && stored.pepperId !== null
  if (stored === null || (peppered && stored.pepperId !== pepper?.id)) {
    await verifyDecoy(password, pepper)
    return { unusable: stored === null ? 'malformed' : 'unknown_pepper' }
  }
  const input = await toInput(password, peppered ? pepper : null)
  const hash = await deriveRounds(input, stored)
  await topUp(input, stored)
  const match = constantTimeEqual(await sha256(hash), await sha256(stored.hash))
  return { match, needsRehash: !isCurrent(stored, pepper) }
}

/** Does the work of verifying a password if there is no hash to verify it with. */
export async function verifyDecoy(password: string, pepper: Pepper | null): Promise<void> {
  const salt = new Uint8Array(SALT_BYTES)
  await deriveRounds(await toInput(password, pepper), {
    iterations: CURRENT_ITERATIONS,
    rounds: CURRENT_ROUNDS,
    salt,
  })
}

/**
 * Derives 32 bytes with one call of WebCrypto's PBKDF2 (RFC 8018 section 5.2).
 * @throws {RangeError} above the limit of Workers in production, which local ones do not have
 */
export async function derive(input: Bytes, salt: Bytes, iterations: number): Promise<Bytes> {
  if (iterations > MAX_ITERATIONS_PER_CALL)
    throw new RangeError(`${iterations} PBKDF2 iterations in one call`)
  const key = await crypto.subtle.importKey('raw', input, 'PBKDF2', false, ['deriveBits'])
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, HASH_BYTES * 8))
}

type Parameters = Pick<PasswordHash, 'iterations' | 'rounds' | 'salt'>

async function deriveRounds(input: Bytes, { iterations, rounds, salt }: Parameters): Promise<Bytes> {
  let output = input
  for (let round = 0; round < rounds; round++) output = await derive(output, salt, iterations)
  return output
}

/** Does the rest of the current work if a stored hash requires less, so that response times do not reveal the hash's age. */
async function topUp(input: Bytes, { iterations, rounds, salt }: Parameters): Promise<void> {
  let remaining = CURRENT_ITERATIONS * CURRENT_ROUNDS - iterations * rounds
  for (; remaining > 0; remaining -= MAX_ITERATIONS_PER_CALL) {
    await derive(input, salt, Math.min(remaining, MAX_ITERATIONS_PER_CALL))
  }
}

function isCurrent(stored: PasswordHash, pepper: Pepper | null): boolean {
  const { iterations, rounds, pepperId, salt } = stored
  const parameters =
    iterations === CURRENT_ITERATIONS && rounds === CURRENT_ROUNDS && salt.length === SALT_BYTES
  return parameters && pepperId === (pepper?.id ?? null)
}

async function toInput(password: string, pepper: Pepper | null): Promise<Bytes> {
  const bytes = utf8(password.normalize('NFC'))
  return pepper === null ? bytes : hmac(pepper.key, bytes)
}
