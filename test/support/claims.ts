/** Claims for tests: those of a valid access token, and the names that only the service sets. */

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

/** The claims that only the service sets, listed again so that a name that src drops fails a test. */
export const RESERVED_CLAIMS = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'sid',
  'auth_time',
  'amr',
  'client_id',
  'scope',
  'roles',
  'preferred_username',
  'acr',
  'azp',
  'act',
  'may_act',
  'cnf',
  'nonce',
  'at_hash',
  'c_hash',
  'events',
  'fid',
  'sub_id',
  'authorization_details',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'updated_at',
  'locale',
]
