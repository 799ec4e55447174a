/**
 * Client secrets: 32 random bytes, kept as their SHA-256. Nobody can guess one, so a slow hash would slow the honest
 * alone.
 */
import { type Bytes, constantTimeEqual, randomBytes, sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'

const SECRET_BYTES = 32

export function newClientSecret(): string {
  return toBase64Url(randomBytes(SECRET_BYTES))
}

export function hashClientSecret(secret: string): Promise<Bytes> {
  return sha256(utf8(secret))
}

export async function isClientSecret(secret: string, secretHash: Bytes): Promise<boolean> {
  return constantTimeEqual(await hashClientSecret(secret), secretHash)
}
