/** A small HTTP client over the real Worker, and the requests that most tests send. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'
import { isolateFor } from '../../src/isolate.ts'
import { requireDeclared } from './declared.ts'
import type { Problem, Tokens } from './responses.ts'

export const PUBLIC_URL = 'https://auth.example.test'

export interface Call {
  readonly bearer?: string
  /** Sent as JSON; a string is sent unchanged. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The `cf` properties that Cloudflare adds to the request. */
  readonly cf?: object
}

export type Fetch = (request: Request) => Promise<Response>

/** The Worker, through its entry point. */
export const worker: Fetch = (request) => exports.default.fetch(request)

/** The Worker with other bindings or settings, in an isolate of its own. Waits for its work after the response. */
export function workerWith(changes: Partial<Env>): Fetch {
  const other = { ...env, ...changes }
  return async (request) => {
    const context = createExecutionContext()
    const response = await isolateFor(other).app.fetch(request, other, context)
    await waitOnExecutionContext(context)
    return response
  }
}

/** An IP address that no other request has. */
export function newAddress(): string {
  const [network, client] = crypto.getRandomValues(new Uint16Array(2))
  return `2001:db8:${network?.toString(16)}:${client?.toString(16)}::1`
}

/**
 * Sends a request, from a new IP address unless a header sets one. The response's body is not read.
 * @throws if the OpenAPI document does not declare the response
 */
export async function call(
  method: string,
  path: string,
  { bearer, body, headers, cf }: Call = {},
  fetch = worker,
): Promise<Response> {
  const sent = new Headers({ 'CF-Connecting-IP': newAddress(), ...headers })
  if (bearer !== undefined) sent.set('Authorization', `Bearer ${bearer}`)
  if (body !== undefined && !sent.has('Content-Type')) sent.set('Content-Type', 'application/json')
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const known = cf === undefined ? {} : { cf: cf as CfProperties }
  const request = new Request(PUBLIC_URL + path, { method, headers: sent, body: text ?? null, ...known })
  return requireDeclared(method, path, await fetch(request))
}

/** @returns the body of a response that must have the status */
export async function ok<T>(response: Promise<Response>, status = 200): Promise<T> {
  const received = await response
  if (received.status !== status)
    throw new Error(`${received.status}, not ${status}: ${await received.text()}`)
  return (status === 204 ? undefined : await received.json()) as T
}

/** @returns the problem document of a response that must be an error */
export async function refused(response: Promise<Response>): Promise<Problem> {
  const received = await response
  const type = received.headers.get('Content-Type')
  if (type !== 'application/problem+json')
    throw new Error(`${received.status} ${type}: ${await received.text()}`)
  const problem = await received.json<Problem>()
  expectRetryAfter(received, problem.retry_after)
  return problem
}

/** Requires that the header and the body of an error have the same Retry-After. */
export function expectRetryAfter(response: Response, inBody: number | undefined): void {
  const inHeader = response.headers.get('Retry-After')
  const same = inHeader === null ? inBody === undefined : inBody === Number(inHeader)
  if (!same) throw new Error(`Retry-After: ${inHeader}, but retry_after: ${inBody}`)
}

export const PASSWORD = 'correct horse battery staple'

export const NEW_PASSWORD = 'a quite different passphrase'

/** @param body members beside, or in place of, the right passwords */
export function changePassword(bearer: string, body: object = {}, fetch = worker) {
  const passwords = { current_password: PASSWORD, new_password: NEW_PASSWORD }
  return call('PUT', '/auth/me/password', { bearer, body: { ...passwords, ...body } }, fetch)
}

let people = 0

/** A username that no other test uses. */
export function newName(): string {
  people += 1
  return `person.${people}.${crypto.randomUUID().slice(0, 8)}`
}

export function register(identifiers: Readonly<Record<string, string>>, password = PASSWORD, fetch = worker) {
  return call('POST', '/auth/register', { body: { ...identifiers, password } }, fetch)
}

export function logIn(identifier: string, password = PASSWORD, fetch = worker) {
  return call('POST', '/auth/login', { body: { identifier, password } }, fetch)
}

export function refresh(refreshToken: string, fetch = worker) {
  return call('POST', '/auth/refresh', { body: { refresh_token: refreshToken } }, fetch)
}

/** A new person, registered and logged in. */
export async function newPerson(fetch = worker): Promise<Tokens & { readonly name: string }> {
  const name = newName()
  return { ...(await ok<Tokens>(register({ username: name }, PASSWORD, fetch), 201)), name }
}

/** Whether the session of an access token is alive. */
export async function isAlive(accessToken: string): Promise<boolean> {
  return (await call('GET', '/auth/me', { bearer: accessToken })).status === 200
}
