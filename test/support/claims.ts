/** The claims of a valid access token. */

/** @param now unix seconds */
export function claimsOf(issuer: string, now: number) {
  return {
    iss: issuer,
    aud: issuer,
    sub: 'account',
    iat: now - 10,
    exp: now + 590,
    jti: 'token',
    sid: 'session',
    auth_time: now - 10,
    amr: ['pwd'],
    client_id: 'gatehouse',
    scope: '',
    roles: [] as string[],
  }
}
