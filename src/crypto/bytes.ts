/** Bytes and the primitives on them: random bytes, SHA-256, HMAC, HKDF, AES-GCM keys, base64url, comparison. */
import { base64url } from 'jose'

const encoder = new TextEncoder()

/** Bytes that WebCrypto accepts: their memory is never shared between threads. */
export type Bytes = Uint8Array<ArrayBuffer>

export function utf8(text: string): Bytes {
  return new Uint8Array(encoder.encode(text))
}

/** @returns the number of bytes of a value as JSON in UTF-8 */
export function jsonLength(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length
}

export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length))
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}

/** base64url without padding (RFC 4648 section 5, RFC 7515 section 2). */
export function toBase64Url(bytes: Uint8Array): string {
  return base64url.encode(bytes)
}

/** @returns the bytes, or null if `text` is not the canonical encoding of any bytes (RFC 4648 section 3.5). */
export function fromBase64Url(text: string): Bytes | null {
  try {
    const bytes = new Uint8Array(base64url.decode(text))
    return base64url.encode(bytes) === text ? bytes : null
  } catch {
    return null
  }
}

/** Compares in a time that does not reveal where the difference is. For digests: the length is not secret. */
export function constantTimeEqual(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b)
}

/**
 * HKDF-SHA-256 (RFC 5869) of a text secret without salt.
 * @param info the purpose of the output: different purposes never share a key
 */
export async function hkdf(secret: string, info: string, lengthBytes: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveBits'])
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, lengthBytes * 8))
}

/** A 256-bit HMAC-SHA-256 key (RFC 2104) derived from a secret for one purpose. */
export async function hmacKey(secret: string, purpose: string): Promise<CryptoKey> {
  return importHmacKey(await hkdf(secret, purpose, 32))
}

export function importHmacKey(bytes: Bytes): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify'])
}

/** An AES-256-GCM key derived from a secret for one purpose. */
export async function aesGcmKey(secret: string, purpose: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', await hkdf(secret, purpose, 32), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])
}

export async function hmac(key: CryptoKey, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, message))
}
