/** Signs assertions: a short-lived JWT, which the gateway sends to one origin with one request and clients never receive. */
import { CompactEncrypt } from 'jose'
import type { EncryptionKey } from '../clients/encryption-key.ts'
import { utf8 } from '../crypto/bytes.ts'
import { ASSERTION_TYPE, ENCRYPTION_METHOD } from '../verify/assertion.ts'
import { signJwt } from './access-token.ts'
import type { SigningKey } from './signing-keys.ts'

export interface AssertionContent {
  readonly issuer: string
  /** The origin's audience. */
  readonly audience: string
  readonly subject: string
  readonly sessionId: string
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** Unix seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
}

export function signAssertion(content: AssertionContent, key: SigningKey): Promise<string> {
  const claims = {
    iss: content.issuer,
    aud: content.audience,
    sub: content.subject,
    sid: content.sessionId,
    roles: [...content.roles],
    scope: content.scope.join(' '),
    iat: content.issuedAt,
    exp: content.expiresAt,
    jti: crypto.randomUUID(),
  }
  return signJwt(ASSERTION_TYPE, claims, key)
}

/** @returns a nested JWT (RFC 7519 appendix A.2), signed and then encrypted, which only the key's owner can read */
export function encryptAssertion(assertion: string, { kid, alg, publicKey }: EncryptionKey): Promise<string> {
  return new CompactEncrypt(utf8(assertion))
    .setProtectedHeader({ alg, enc: ENCRYPTION_METHOD, cty: 'JWT', kid })
    .encrypt(publicKey)
}
