/** Requests of operators: by ADMIN_TOKEN, and by people with the role and scope `admin`. */

import { env } from 'cloudflare:workers'
import { call, type Fetch, newPerson, ok, PASSWORD, worker } from './client.ts'
import { grant } from './database.ts'
import type { Problem, Tokens } from './responses.ts'

export const ADMIN_TOKEN = String(env.ADMIN_TOKEN)

/** Sends a request with ADMIN_TOKEN, or with another bearer token. */
export function admin(method: string, path: string, body?: unknown, fetch = worker, bearer = ADMIN_TOKEN) {
  return call(method, path, { bearer, ...(body === undefined ? {} : { body }) }, fetch)
}

/** @returns `ok`, or the code of the error */
export async function codeOf(response: Promise<Response>): Promise<string> {
  const received = await response
  return received.ok ? 'ok' : ((await received.json()) as Problem).code
}

/** Sets roles, scopes or claims of an account, as an administrator. */
export function permit(accountId: string, permissions: object): Promise<unknown> {
  return ok(admin('PATCH', `/admin/users/${accountId}`, permissions))
}

/** A new person with the role and scope `admin`, logged in with the given scope. @param scope null requests none */
export async function newOperator(scope: string | null = 'admin', fetch: Fetch = worker) {
  const person = await newPerson(fetch)
  await grant(person.user.id, { roles: ['admin'], scopes: ['admin'] })
  const body = { identifier: person.name, password: PASSWORD, ...(scope === null ? {} : { scope }) }
  return ok<Tokens>(call('POST', '/auth/login', { body }, fetch))
}
