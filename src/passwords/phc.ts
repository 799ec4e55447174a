/**
 * The stored form of a password hash: a PHC string,
 * `$pbkdf2-sha256$i=100000,r=6[,k=<pepper id>]$<salt>$<hash>`. Pure.
 *
 * `i` iterations run in each of `r` rounds. The 32 bytes of each round are the password of the next round. With r=1 and without
 * `k`, it is plain PBKDF2-HMAC-SHA-256.
 */
import { type Bytes, fromBase64Url, toBase64Url } from '../crypto/bytes.ts'

/** Workers in production refuse more iterations in one call (workerd, limit-enforcer.h). */
export const MAX_ITERATIONS_PER_CALL = 100_000

const SCHEME = 'pbkdf2-sha256'
const MIN_ITERATIONS = 1_000
const MAX_ROUNDS = 20
const MIN_SALT_BYTES = 8
const MAX_SALT_BYTES = 64
const HASH_BYTES = 32
const PHC = /^\$pbkdf2-sha256\$i=([1-9]\d{0,6}),r=([1-9]\d?)(?:,k=([A-Za-z0-9_-]{1,16}))?\$([^$]+)\$([^$]+)$/

export interface PasswordHash {
  readonly iterations: number
  readonly rounds: number
  /** The id of the pepper, or null if the hash has none. */
  readonly pepperId: string | null
  readonly salt: Bytes
  readonly hash: Bytes
}

export function formatPhc({ iterations, rounds, pepperId, salt, hash }: PasswordHash): string {
  const pepper = pepperId === null ? '' : `,k=${pepperId}`
  return `$${SCHEME}$i=${iterations},r=${rounds}${pepper}$${toPhcBase64(salt)}$${toPhcBase64(hash)}`
}

/** @returns null for another scheme, damaged text, or implausible parameters. */
export function parsePhc(text: string): PasswordHash | null {
  const match = PHC.exec(text)
  const salt = fromPhcBase64(match?.[4] ?? '')
  const hash = fromPhcBase64(match?.[5] ?? '')
  if (match === null || salt === null || hash === null) return null
  const parsed = {
    iterations: Number(match[1]),
    rounds: Number(match[2]),
    pepperId: match[3] ?? null,
    salt,
    hash,
  }
  return isPlausible(parsed) ? parsed : null
}

function isPlausible({ iterations, rounds, salt, hash }: PasswordHash): boolean {
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS_PER_CALL || rounds > MAX_ROUNDS) return false
  return salt.length >= MIN_SALT_BYTES && salt.length <= MAX_SALT_BYTES && hash.length === HASH_BYTES
}

/** Encodes the PHC format's base64: the standard alphabet without padding. */
function toPhcBase64(bytes: Bytes): string {
  return toBase64Url(bytes).replaceAll('-', '+').replaceAll('_', '/')
}

function fromPhcBase64(text: string): Bytes | null {
  if (/[-_]/.test(text)) return null
  return fromBase64Url(text.replaceAll('+', '-').replaceAll('/', '_'))
}
