/** Signs what the gate says to one origin about one request: a short-lived JWT that no client ever holds. */
import { SignJWT } from 'jose'
import { ASSERTION_TYPE } from '../verify/assertion.ts'
import type { SigningKey } from './signing-keys.ts'

export interface AssertionContent {
  readonly issuer: string
  /** The origin's. */
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
  return new SignJWT({
    iss: content.issuer,
    aud: content.audience,
    sub: content.subject,
    sid: content.sessionId,
    roles: [...content.roles],
    scope: content.scope.join(' '),
    iat: content.issuedAt,
    exp: content.expiresAt,
    jti: crypto.randomUUID(),
  })
    .setProtectedHeader({ typ: ASSERTION_TYPE, alg: key.alg, kid: key.kid })
    .sign(key.privateKey)
}
