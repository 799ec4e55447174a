/** Reads the credentials of a request: a Bearer token, or those of an OAuth client by HTTP Basic or in the form. */
import type { Context } from 'hono'
import type { ClientCredentials } from '../actions/oauth/authenticate-client.ts'
import { OAuthError } from '../errors/service-error.ts'
import { readAuthorization, readBearer } from '../verify/bearer.ts'

/** @returns the token; null if no credentials or those of another scheme were sent */
export function bearerToken(c: Context): string | null {
  return readBearer(c.req.header('Authorization') ?? null)
}

export interface FormCredentials {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
}

const NO_CREDENTIALS: ClientCredentials = { clientId: null, clientSecret: null }

/**
 * @param authorization the header; any scheme other than Basic is ignored
 * @throws {OAuthError} `invalid_request` if the request identifies or authenticates the client in two ways
 */
export function readClientCredentials(
  authorization: string | undefined,
  { client_id, client_secret }: FormCredentials,
): ClientCredentials {
  const { scheme, credentials } = readAuthorization(authorization ?? null)
  if (scheme !== 'basic') return { clientId: client_id ?? null, clientSecret: client_secret ?? null }
  const basic = parseBasic(credentials ?? '') ?? NO_CREDENTIALS
  // The same id may be repeated in the form, since it does not authenticate.
  const differs = client_id !== undefined && client_id !== basic.clientId
  if (client_secret !== undefined || differs) throw new OAuthError('invalid_request')
  return basic
}

/** RFC 7617, with both parts form-encoded first (RFC 6749 section 2.3.1). @returns null if they cannot be parsed */
function parseBasic(encoded: string): ClientCredentials | null {
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const [, id = '', secret = ''] = /^([^:]+):(.*)$/s.exec(text) ?? []
    if (id === '') return null
    return { clientId: formDecode(id), clientSecret: secret === '' ? null : formDecode(secret) }
  } catch {
    return null
  }
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
