/** Signs access tokens: JWTs according to RFC 9068. */
import { CompactSign, type JWTPayload } from 'jose'
import { utf8 } from '../crypto/bytes.ts'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { unreserved } from './claims.ts'
import type { SigningKey } from './signing-keys.ts'

const ACCESS_TOKEN_TYPE = 'at+jwt'

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
  return signJwt(
    ACCESS_TOKEN_TYPE,
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
  return signJwt(
    ACCESS_TOKEN_TYPE,
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

/** Signs a JWT of this type. jose's SignJWT would clone the claims first, which takes longer than to write them. */
export function signJwt(
  typ: string,
  claims: JWTPayload & { readonly iat: number; readonly exp: number },
  { alg, kid, privateKey }: SigningKey,
): Promise<string> {
  return new CompactSign(utf8(JSON.stringify(claims))).setProtectedHeader({ typ, alg, kid }).sign(privateKey)
}
