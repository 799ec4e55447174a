/** What a request says about who sends it: a Bearer token, or a client's credentials by HTTP Basic or in the form. */
import type { Context } from 'hono'
import type { ClientCredentials } from '../actions/oauth/authenticate-client.ts'
import { OAuthError } from '../errors/service-error.ts'
import { readAuthorization, readBearer } from '../verify/bearer.ts'

/** @returns the token, or null where another scheme or none was sent. */
export function bearerToken(c: Context): string | null {
  return readBearer(c.req.header('Authorization') ?? null)
}

export interface FormCredentials {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
}

const NOBODY: ClientCredentials = { clientId: null, clientSecret: null }

/**
 * @param authorization the header; another scheme than Basic counts as none
 * @throws {OAuthError} `invalid_request` where the request authenticates in two ways
 */
export function readClientCredentials(
  authorization: string | undefined,
  { client_id, client_secret }: FormCredentials,
): ClientCredentials {
  const { scheme, credentials } = readAuthorization(authorization ?? null)
  if (scheme !== 'basic') return { clientId: client_id ?? null, clientSecret: client_secret ?? null }
  const basic = parseBasic(credentials ?? '') ?? NOBODY
  // The id alone may be repeated: that authenticates nobody.
  const differs = client_id !== undefined && client_id !== basic.clientId
  if (client_secret !== undefined || differs) throw new OAuthError('invalid_request')
  return basic
}

/** RFC 7617, with both parts form-encoded before. @returns null for what is none */
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
