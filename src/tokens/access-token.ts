/** Signs access tokens: JWTs according to RFC 9068. */
import { type JWTPayload, SignJWT } from 'jose'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { unreserved } from './claims.ts'
import type { SigningKey } from './signing-keys.ts'

export interface AccessTokenContent {
  readonly issuer: string
  readonly audience: string
  readonly subject: string
  readonly sessionId: string
  readonly clientId: string
  readonly scope: readonly string[]
  readonly roles: readonly string[]
  readonly amr: readonly string[]
  readonly username: string | null
  /** The account's own claims; reserved names are left out. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Unix seconds. */
  readonly authTime: number
  readonly issuedAt: number
  readonly expiresAt: number
}

export function signAccessToken(content: AccessTokenContent, key: SigningKey): Promise<string> {
  return sign(
    {
      ...unreserved(content.claims),
      iss: content.issuer,
      aud: content.audience,
      sub: content.subject,
      iat: content.issuedAt,
      exp: content.expiresAt,
      jti: crypto.randomUUID(),
      sid: content.sessionId,
      auth_time: content.authTime,
      amr: [...content.amr],
      client_id: content.clientId,
      scope: content.scope.join(' '),
      roles: [...content.roles],
      ...(content.username === null ? {} : { preferred_username: content.username }),
    },
    key,
  )
}

/** The claims in which an exchange token differs from the client's token. */
export interface ExchangedClaims {
  /** The origin's audience. */
  readonly audience: string
  readonly scope: readonly string[]
  readonly roles: readonly string[]
  /** Unix seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Signs an access token for one origin: the claims of a client's verified token, with another audience and a shorter lifetime. */
export function signExchangeToken(
  claims: AccessTokenClaims,
  { audience, scope, roles, issuedAt, expiresAt }: ExchangedClaims,
  key: SigningKey,
): Promise<string> {
  return sign(
    {
      ...claims,
      aud: audience,
      iat: issuedAt,
      exp: expiresAt,
      jti: crypto.randomUUID(),
      scope: scope.join(' '),
      roles: [...roles],
    },
    key,
  )
}

function sign(claims: JWTPayload, key: SigningKey): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ typ: 'at+jwt', alg: key.alg, kid: key.kid })
    .sign(key.privateKey)
}
