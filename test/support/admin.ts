/** Operators: whoever holds ADMIN_TOKEN, and people with role and scope. */
import { env } from 'cloudflare:workers'
import { call, type Fetch, newPerson, ok, PASSWORD, type Problem, type Tokens, worker } from './client.ts'
import { grant } from './database.ts'

export const ADMIN_TOKEN = String(env.ADMIN_TOKEN)

/** A call of the operator's. */
export function admin(method: string, path: string, body?: unknown, fetch = worker, bearer = ADMIN_TOKEN) {
  return call(method, path, { bearer, ...(body === undefined ? {} : { body }) }, fetch)
}

/** @returns `ok`, or the code of the refusal */
export async function codeOf(response: Promise<Response>): Promise<string> {
  const answer = await response
  return answer.ok ? 'ok' : ((await answer.json()) as Problem).code
}

/** Somebody with role and scope `admin`, logged in with what was asked for. */
export async function newOperator(scope: string | null = 'admin', fetch: Fetch = worker) {
  const person = await newPerson(fetch)
  await grant(person.user.id, { roles: ['admin'], scopes: ['admin'] })
  const body = { identifier: person.name, password: PASSWORD, ...(scope === null ? {} : { scope }) }
  return ok<Tokens>(call('POST', '/auth/login', { body }, fetch))
}
