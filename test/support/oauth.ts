/** Clients, and what they ask at /oauth2. */
import { ADMIN_TOKEN } from './admin.ts'
import { call, expectRetryAfter, type Fetch, newAddress, ok, worker } from './client.ts'

export interface RegisteredClient {
  readonly client_id: string
  readonly client_name: string | null
  readonly client_secret: string
  readonly jwks: { readonly keys: readonly object[] }
  readonly audience: string
  readonly created_at: string
}

export function registerClient(body: unknown = {}, fetch = worker): Promise<Response> {
  return call('POST', '/admin/clients', { bearer: ADMIN_TOKEN, body }, fetch)
}

export function newClient(body: unknown = {}, fetch = worker): Promise<RegisteredClient> {
  return ok(registerClient(body, fetch), 201)
}

export const basic = (id: string, secret: string) => ({ Authorization: `Basic ${btoa(`${id}:${secret}`)}` })

export interface Form {
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
  readonly fetch?: Fetch
}

/** @param parameters as text, or by their names */
export function post(
  path: string,
  parameters: string | Readonly<Record<string, string>>,
  { headers = {}, from = newAddress(), fetch = worker }: Form = {},
): Promise<Response> {
  const type = { 'Content-Type': 'application/x-www-form-urlencoded', 'CF-Connecting-IP': from }
  const body = typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString()
  return call('POST', path, { body, headers: { ...type, ...headers } }, fetch)
}

export interface OAuthProblem {
  readonly status: number
  readonly error: string
}

/** A call that must be refused, as RFC 6749 section 5.2 says. */
export async function refusedByOAuth(response: Promise<Response>): Promise<OAuthProblem> {
  const answer = await response
  const type = answer.headers.get('Content-Type')
  const body = await answer.text()
  if (answer.ok || type !== 'application/json') throw new Error(`${answer.status} ${type}: ${body}`)
  const { error, error_description, retry_after, ...rest } = JSON.parse(body)
  if (typeof error_description !== 'string' || Object.keys(rest).length > 0) throw new Error(body)
  expectRetryAfter(answer, retry_after)
  return { status: answer.status, error }
}
