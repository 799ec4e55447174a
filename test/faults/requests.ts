/** The HTTP request of each operation of the model. */

import { env } from 'cloudflare:workers'
import { newId } from '../../src/crypto/ids.ts'
import { ADMIN_TOKEN } from '../support/admin.ts'
import { call, type Fetch } from '../support/client.ts'
import type { Isolate } from '../support/faults.ts'
import type { Tokens } from '../support/responses.ts'
import type { Operation } from './model.ts'

/** The tokens of a session as its owner last received them. */
export type SessionTokens = Pick<Tokens, 'access_token' | 'refresh_token'>

/** The person and the isolate that the operations run against. */
export interface Real {
  readonly name: string
  readonly address: string
  readonly fetch: Fetch
  readonly tokens: Map<number, SessionTokens>
}

type Request = (isolate: Isolate) => Promise<Response>

export async function requestOf(operation: Operation, real: Real): Promise<Request> {
  const { name, address } = real
  const headers = { 'CF-Connecting-IP': address }
  const post =
    (path: string, body: object): Request =>
    ({ fetch }) =>
      call('POST', path, { body, headers }, fetch)
  const tokens = 'session' in operation ? real.tokens.get(operation.session) : undefined
  const { access_token: bearer, refresh_token } = tokens ?? { access_token: 'none', refresh_token: 'none' }
  const ownAccount =
    (method: string, path: string, body?: object): Request =>
    ({ fetch }) =>
      call(method, path, { bearer, headers, ...(body && { body }) }, fetch)
  const id = await idOf(name)
  const asOperator =
    (method: string, path: string, body?: object): Request =>
    ({ fetch }) =>
      call(method, `/admin/users/${id}${path}`, { bearer: ADMIN_TOKEN, ...(body && { body }) }, fetch)
  switch (operation.kind) {
    case 'register':
      return post('/auth/register', { username: name, password: operation.password })
    case 'log in':
      return post('/auth/login', { identifier: name, password: operation.password })
    case 'refresh':
      return post('/auth/refresh', { refresh_token })
    case 'read profile':
      return ownAccount('GET', '/auth/me')
    case 'set name':
      return ownAccount('PATCH', '/auth/me', { name: operation.name })
    case 'change password':
      return ownAccount('PUT', '/auth/me/password', {
        current_password: operation.password,
        new_password: operation.to,
      })
    case 'delete account':
      return ownAccount('DELETE', '/auth/me', { current_password: operation.password })
    case 'end all':
      return ownAccount('DELETE', '/auth/sessions', { current_password: operation.password })
    case 'end others':
      return ownAccount('DELETE', '/auth/sessions?except=current', { current_password: operation.password })
    case 'grant':
      return asOperator('PATCH', '', { roles: [operation.role] })
    case 'disable':
    case 'enable':
      return asOperator('PATCH', '', { disabled: operation.kind === 'disable' })
    case 'end sessions':
      return asOperator('DELETE', '/sessions')
    case 'cron':
      return async ({ cron }) => {
        // The model knows no waiting: cron runs when all events are due.
        await env.DB.exec('UPDATE outbox SET due_at = 0')
        await cron()
        return new Response(null, { status: 204 })
      }
  }
}

async function idOf(name: string): Promise<string> {
  const statement = env.DB.prepare('SELECT id FROM accounts WHERE username = ?1').bind(name)
  return (await statement.first<string>('id')) ?? newId(Date.now())
}
