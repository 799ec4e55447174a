/** What a request says of the client that it comes from: by HTTP Basic, or in the form (RFC 6749 section 2.3.1). Pure. */
import type { ClientCredentials } from '../actions/oauth/authenticate-client.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { readAuthorization } from '../verify/bearer.ts'

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
