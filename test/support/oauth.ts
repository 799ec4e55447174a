/** OAuth clients and their requests at /oauth2. */

import { ADMIN_TOKEN } from './admin.ts'
import { call, expectRetryAfter, type Fetch, newAddress, ok, worker } from './client.ts'
import type { RegisteredClient } from './responses.ts'

export function registerClient(body: unknown = {}, fetch = worker): Promise<Response> {
  return call('POST', '/admin/clients', { bearer: ADMIN_TOKEN, body }, fetch)
}

export function newClient(body: unknown = {}, fetch = worker): Promise<RegisteredClient> {
  return ok(registerClient(body, fetch), 201)
}

export const INTROSPECT = '/oauth2/introspect'
export const REVOKE = '/oauth2/revoke'

/** What introspection says of a token that is not active. */
export const INACTIVE = { active: false }

/** The parameters of the client that has no secret. */
export const PUBLIC_CLIENT = { client_id: 'gatehouse' }

export const basic = (id: string, secret: string) => ({ Authorization: `Basic ${btoa(`${id}:${secret}`)}` })

export interface Form {
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
  readonly fetch?: Fetch
}

/** @param parameters as text, or by name */
export function post(
  path: string,
  parameters: string | Readonly<Record<string, string>>,
  { headers = {}, from = newAddress(), fetch = worker }: Form = {},
): Promise<Response> {
  const type = { 'Content-Type': 'application/x-www-form-urlencoded', 'CF-Connecting-IP': from }
  const body = typeof parameters === 'string' ? parameters : new URLSearchParams(parameters).toString()
  return call('POST', path, { body, headers: { ...type, ...headers } }, fetch)
}

/** A request that a client makes with its secret. */
export const authenticated = ({ client_id, client_secret }: RegisteredClient) => ({
  headers: basic(client_id, client_secret),
})

/** A request that a client makes with a wrong secret. */
export const withWrongSecret = ({ client_id }: RegisteredClient, from: string, path = INTROSPECT) =>
  post(path, { token: 'x' }, { headers: basic(client_id, 'a guess'), from })

export interface OAuthProblem {
  readonly status: number
  readonly error: string
}

/** @returns the error of a response that must be one (RFC 6749 section 5.2) */
export async function refusedByOAuth(response: Promise<Response>): Promise<OAuthProblem> {
  const received = await response
  const type = received.headers.get('Content-Type')
  const body = await received.text()
  if (received.ok || type !== 'application/json') throw new Error(`${received.status} ${type}: ${body}`)
  const { error, error_description, retry_after, ...rest } = JSON.parse(body)
  if (typeof error_description !== 'string' || Object.keys(rest).length > 0) throw new Error(body)
  expectRetryAfter(received, retry_after)
  return { status: received.status, error }
}
