/** One request of each operation, and the runs of cron, each with what must be true afterwards. */

import { env } from 'cloudflare:workers'
import { exportJWK, generateKeyPair } from 'jose'
import type { Env } from '../../src/config/env.ts'
import { hashPassword } from '../../src/passwords/pbkdf2.ts'
import { ADMIN_TOKEN } from '../support/admin.ts'
import {
  call,
  type Fetch,
  logIn,
  NEW_PASSWORD,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  register,
  workerWith,
} from '../support/client.ts'
import { change, disable, grant } from '../support/database.ts'
import { FakeProvider } from '../support/fake-provider.ts'
import type { Isolate } from '../support/faults.ts'
import { basic, newClient, post } from '../support/oauth.ts'
import { newRequester, WRONG } from '../support/requester.ts'
import type { RegisteredClient, Tokens } from '../support/responses.ts'
import { solve } from '../support/solver.ts'

export const NEXT_SECRET = 'the next secret, long enough for production'

export interface Case {
  readonly send: (isolate: Isolate) => Promise<Response>
  /** The status of the response if nothing fails. */
  readonly status: number
  /** Error codes that the same request may have, in place of `status`, when it is repeated after it was done. */
  readonly again?: readonly string[]
  /** Whether the requested change is in the database, for requests that change it. */
  readonly isDone?: () => Promise<boolean>
  /** The username of the account that the request concerns. */
  readonly name: string
  /** Settings of the isolate that differ from the tests' defaults. */
  readonly settings?: Partial<Env>
}

type Person = Tokens & { readonly name: string }
type Prepare = () => Promise<Case>

const send =
  (method: string, path: string, request: { bearer?: string; body?: object; from?: string } = {}) =>
  ({ fetch }: { fetch: Fetch }) => {
    const { bearer, body, from = newAddress() } = request
    const headers = { 'CF-Connecting-IP': from }
    return call(method, path, { headers, ...(bearer && { bearer }), ...(body && { body }) }, fetch)
  }

const columnOf = (column: string, name: string) =>
  env.DB.prepare(`SELECT ${column} AS value FROM accounts WHERE username = ?1`).bind(name).first('value')

/** A new person, registered in an isolate of its own. */
const isolatedPerson = () => newPerson(workerWith({}))

/** A case about a new person. */
const about =
  (status: number, make: (person: Person) => Promise<Partial<Case> & Pick<Case, 'send'>>): Prepare =>
  async () => {
    const person = await isolatedPerson()
    return { status, name: person.name, ...(await make(person)) }
  }

/** A call with an access token and no body. */
const bearerCall = (method: string, path: string, status = 200, again: readonly string[] = []) =>
  about(status, async ({ access_token }) => ({ send: send(method, path, { bearer: access_token }), again }))

const adminCall = (method: string, path: string, body?: object, status = 200) =>
  about(status, async () => ({
    send: send(method, path, { bearer: ADMIN_TOKEN, ...(body && { body }) }),
  }))

const password = (change: object = {}) => ({ current_password: PASSWORD, ...change })

async function administrator(): Promise<Person> {
  const person = await isolatedPerson()
  await grant(person.user.id, { roles: ['admin'], scopes: ['admin'] })
  const body = { identifier: person.name, password: PASSWORD, scope: 'admin' }
  return { ...person, ...(await ok<Tokens>(call('POST', '/auth/login', { body }, workerWith({})))) }
}

/** An introspection of a person's access token by an OAuth client. */
const clientCall = (status: number, secretOf: (client: RegisteredClient) => string) =>
  about(status, async ({ access_token: token }) => {
    const client = await newClient({}, workerWith({}))
    const headers = basic(client.client_id, secretOf(client))
    return { send: ({ fetch }) => post('/oauth2/introspect', { token }, { headers, fetch }) }
  })

const revocation = (token: string): Pick<Case, 'send'> => ({
  send: ({ fetch }) => post('/oauth2/revoke', { token, client_id: 'gatehouse' }, { fetch }),
})

/** The first two words of a title are a method and a path of the OpenAPI document, unless it begins otherwise. */
export const SCENARIOS: Readonly<Record<string, Prepare>> = {
  'POST /auth/register': async () => {
    const name = newName()
    return {
      name,
      status: 201,
      send: ({ fetch }) => register({ username: name }, PASSWORD, fetch),
      again: ['identifier_taken'],
      isDone: async () => (await columnOf('id', name)) !== null,
    }
  },
  'POST /auth/register of a name that is taken': about(409, async ({ name }) => ({
    send: ({ fetch }) => register({ username: name }, PASSWORD, fetch),
  })),
  'POST /auth/login': about(200, async ({ name }) => ({ send: ({ fetch }) => logIn(name, PASSWORD, fetch) })),
  'POST /auth/login with a wrong password': about(401, async ({ name }) => ({
    send: ({ fetch }) => logIn(name, WRONG, fetch),
  })),
  'POST /auth/login of an unknown username': about(401, async () => {
    const unknown = newName()
    return { send: ({ fetch }) => logIn(unknown, PASSWORD, fetch) }
  }),
  'POST /auth/login of a disabled account': about(403, async ({ name, user }) => {
    await disable(user.id)
    return { send: ({ fetch }) => logIn(name, PASSWORD, fetch) }
  }),
  'POST /auth/login after a change that is not published': about(200, async ({ name, user }) => {
    await grant(user.id, { roles: ['editor'] })
    return { send: ({ fetch }) => logIn(name, PASSWORD, fetch) }
  }),
  'POST /auth/login with a hash to renew': about(200, async ({ name, user }) => {
    const settings = { PASSWORD_PEPPER: 'a pepper of the tests, long enough for production' }
    await change(user.id, 'password_hash = ?2', [await hashPassword(PASSWORD, null)])
    return { settings, send: ({ fetch }) => logIn(name, PASSWORD, fetch) }
  }),
  'POST /auth/login with a solved challenge': about(200, async ({ name }) => {
    const here = newRequester(workerWith({}))
    await here.failTimes(3, newName())
    const challenge = await solve((await refused(here.logIn(name))).challenge)
    const body = { identifier: name, password: PASSWORD, challenge }
    return { send: send('POST', '/auth/login', { body, from: here.address }), again: ['challenge_failed'] }
  }),
  'POST /auth/register with a Turnstile response': async () => {
    const name = newName()
    const address = newAddress()
    const fakeProvider = new FakeProvider()
    const LIMITS = { registrations_per_ip: { action: 'challenge', threshold: 0 } }
    const challenge = await fakeProvider.solve({ action: 'register' })
    const body = { username: name, password: PASSWORD, challenge }
    return {
      status: 201,
      name,
      settings: fakeProvider.settings({ LIMITS }),
      send: send('POST', '/auth/register', { body, from: address }),
      again: ['challenge_failed'],
      isDone: async () => (await columnOf('username', name)) === name,
    }
  },
  'POST /auth/refresh': about(200, async ({ refresh_token }) => ({
    send: send('POST', '/auth/refresh', { body: { refresh_token } }),
  })),
  'POST /auth/logout by refresh token': about(204, async ({ refresh_token }) => ({
    send: send('POST', '/auth/logout', { body: { refresh_token } }),
  })),
  'POST /auth/logout by access token': bearerCall('POST', '/auth/logout', 204, ['invalid_token']),
  'GET /auth/me': bearerCall('GET', '/auth/me'),
  'PATCH /auth/me of an identifier and a profile field': about(200, async ({ access_token, name }) => {
    const email = `${name}@example.com`
    const body = password({ email, name: 'Ada' })
    return {
      send: send('PATCH', '/auth/me', { bearer: access_token, body }),
      isDone: async () => (await columnOf("email || '/' || name", name)) === `${email}/Ada`,
    }
  }),
  'PATCH /auth/me of profile fields': about(200, async ({ access_token, name }) => ({
    send: send('PATCH', '/auth/me', { bearer: access_token, body: { name: 'Ada', locale: 'en-GB' } }),
    isDone: async () => (await columnOf("name || '/' || locale", name)) === 'Ada/en-GB',
  })),
  'PATCH /auth/me to a name that is taken': about(409, async ({ access_token }) => {
    const body = password({ username: (await isolatedPerson()).name })
    return { send: send('PATCH', '/auth/me', { bearer: access_token, body }) }
  }),
  'PUT /auth/me/password': about(200, async ({ access_token, name }) => {
    const before = await columnOf('password_hash', name)
    const body = password({ new_password: NEW_PASSWORD })
    return {
      send: send('PUT', '/auth/me/password', { bearer: access_token, body }),
      again: ['invalid_credentials'],
      isDone: async () => (await columnOf('password_hash', name)) !== before,
    }
  }),
  'DELETE /auth/me': about(204, async ({ access_token, name }) => ({
    send: send('DELETE', '/auth/me', { bearer: access_token, body: password() }),
    again: ['invalid_token', 'invalid_credentials'],
    isDone: async () => (await columnOf('id', name)) === null,
  })),
  'GET /auth/sessions': bearerCall('GET', '/auth/sessions'),
  'DELETE /auth/sessions': bearerCall('DELETE', '/auth/sessions', 204, ['invalid_token']),
  'DELETE /auth/sessions with the password': about(204, async ({ access_token }) => ({
    send: send('DELETE', '/auth/sessions', { bearer: access_token, body: password() }),
    again: ['invalid_token'],
  })),
  'DELETE /auth/sessions of all others, with the password': about(204, async ({ access_token, name }) => {
    await ok(logIn(name, PASSWORD, workerWith({})))
    const path = '/auth/sessions?except=current'
    return { send: send('DELETE', path, { bearer: access_token, body: password() }) }
  }),
  'DELETE /auth/sessions with a wrong password': about(401, async ({ access_token }) => ({
    send: send('DELETE', '/auth/sessions', { bearer: access_token, body: { current_password: WRONG } }),
  })),
  'POST /auth/login with the cookie of another session': about(200, async ({ name, refresh_token }) => {
    const body = { identifier: name, password: PASSWORD, transport: 'cookie' }
    const headers = { Cookie: `__Secure-gatehouse_refresh=${refresh_token}` }
    return { send: ({ fetch }) => call('POST', '/auth/login', { body, headers }, fetch) }
  }),
  'DELETE /auth/sessions/{id}': about(204, async ({ access_token, name }) => {
    const other = await ok<Tokens>(logIn(name, PASSWORD, workerWith({})))
    const sid = JSON.parse(atob(other.access_token.split('.')[1] ?? '')).sid
    return {
      send: send('DELETE', `/auth/sessions/${sid}`, { bearer: access_token }),
      again: ['not_found'],
    }
  }),
  'GET /auth/challenge': about(200, async () => ({ send: send('GET', '/auth/challenge?action=login') })),
  'GET /.well-known/jwks.json': about(200, async () => ({ send: send('GET', '/.well-known/jwks.json') })),
  'GET /.well-known/jwks.json without a signing key': about(200, async () => {
    await env.DB.exec('DELETE FROM signing_keys')
    return { send: send('GET', '/.well-known/jwks.json') }
  }),
  'GET /auth/verify with its session checked': bearerCall('GET', '/auth/verify?session=check'),
  'a request through the gateway with its session checked': about(200, async ({ access_token }) => ({
    settings: { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, session: 'check' } } },
    send: send('GET', '/api/me', { bearer: access_token }),
  })),
  'GET /healthz': about(200, async () => ({ send: send('GET', '/healthz') })),
  'GET /admin/limits': adminCall('GET', '/admin/limits'),
  'GET /admin/limits as an administrator': async () => {
    const { access_token: bearer, name } = await administrator()
    return { name, status: 200, send: send('GET', '/admin/limits', { bearer }) }
  },
  'PUT /admin/limits': adminCall('PUT', '/admin/limits', { registration_open: true }),
  'GET /admin/limits/{rule}': adminCall('GET', '/admin/limits/registrations_per_ip'),
  'PUT /admin/limits/{rule}': adminCall('PUT', '/admin/limits/registrations_per_ip', { threshold: 4 }),
  'GET /admin/users/{id}': about(200, async ({ user }) => ({
    send: send('GET', `/admin/users/${user.id}`, { bearer: ADMIN_TOKEN }),
  })),
  'PATCH /admin/users/{id} to disable': about(200, async ({ user, name }) => ({
    send: send('PATCH', `/admin/users/${user.id}`, { bearer: ADMIN_TOKEN, body: { disabled: true } }),
    isDone: async () => (await columnOf('disabled', name)) === 1,
  })),
  'PATCH /admin/users/{id} to grant a role': about(200, async ({ user, name }) => ({
    send: send('PATCH', `/admin/users/${user.id}`, { bearer: ADMIN_TOKEN, body: { roles: ['editor'] } }),
    isDone: async () => (await columnOf('roles', name)) === '["editor"]',
  })),
  'DELETE /admin/users/{id}/sessions': about(204, async ({ user }) => ({
    send: send('DELETE', `/admin/users/${user.id}/sessions`, { bearer: ADMIN_TOKEN }),
  })),
  'DELETE /admin/sessions': adminCall('DELETE', '/admin/sessions', undefined, 204),
  'GET /admin/keys': adminCall('GET', '/admin/keys'),
  'POST /admin/keys/rotate': adminCall('POST', '/admin/keys/rotate', undefined, 202),
  'DELETE /admin/keys/{kid}': about(204, async ({ access_token }) => {
    const { kid } = JSON.parse(atob(access_token.split('.')[0] ?? ''))
    return {
      send: send('DELETE', `/admin/keys/${kid}`, { bearer: ADMIN_TOKEN }),
      again: ['not_found'],
    }
  }),
  'POST /admin/clients': about(201, async ({ name }) => ({
    send: send('POST', '/admin/clients', { bearer: ADMIN_TOKEN, body: { client_name: name } }),
    isDone: async () => {
      const find = env.DB.prepare('SELECT 1 FROM clients WHERE client_name = ?1')
      return (await find.bind(name).first()) !== null
    },
  })),
  'GET /admin/clients': adminCall('GET', '/admin/clients'),
  'DELETE /admin/clients/{client_id}': about(204, async () => {
    const { client_id } = await newClient({}, workerWith({}))
    return {
      send: send('DELETE', `/admin/clients/${client_id}`, { bearer: ADMIN_TOKEN }),
      again: ['not_found'],
    }
  }),
  'POST /oauth2/introspect': clientCall(200, ({ client_secret }) => client_secret),
  'POST /oauth2/introspect with a wrong secret': clientCall(401, () => 'a guess'),
  'POST /oauth2/revoke by access token': about(200, async ({ access_token }) => revocation(access_token)),
  'POST /oauth2/revoke by refresh token': about(200, async ({ refresh_token }) => revocation(refresh_token)),
  'a request through the gateway with an encrypted assertion': about(200, async ({ access_token }) => {
    const { publicKey } = await generateKeyPair('ECDH-ES', { extractable: true })
    const { client_id } = await newClient({ jwks: { keys: [await exportJWK(publicKey)] } }, workerWith({}))
    return {
      settings: { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, client_id } } },
      send: send('GET', '/api/me', { bearer: access_token }),
    }
  }),
  'cron with a change to publish, a key to create and one to reseal': about(204, async ({ user }) => {
    await disable(user.id)
    await env.DB.exec('DELETE FROM signing_keys WHERE signs_from > unixepoch()')
    return {
      settings: { AUTH_SECRET: NEXT_SECRET, AUTH_SECRET_FALLBACK: String(env.AUTH_SECRET) },
      send: async ({ cron }) => {
        await cron()
        return new Response(null, { status: 204 })
      },
    }
  }),
  'cron with a deletion to publish': about(204, async ({ user, access_token }) => {
    await ok(call('DELETE', '/auth/me', { bearer: access_token, body: password() }, workerWith({})), 204)
    const row = `INSERT INTO outbox (account_id, kind, data) SELECT ?1, 'account_state', 1 + 1000 * unixepoch()`
    await env.DB.prepare(row).bind(user.id).run()
    return {
      send: async ({ cron }) => {
        await cron()
        return new Response(null, { status: 204 })
      },
    }
  }),
}
