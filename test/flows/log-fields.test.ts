/** What the line of a request names: accounts, clients, changed fields and digests. */
import { env } from 'cloudflare:workers'
import { base64url, decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { admin, newOperator } from '../support/admin.ts'
import { Browser } from '../support/browser.ts'
import {
  call,
  logIn,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { captureLog, lastRequest, lines, requests } from '../support/log.ts'
import { basic, newClient, post } from '../support/oauth.ts'

const NEW_PASSWORD = 'another password nobody may read'

captureLog()
afterEach(thaw)

describe('the line of a failed login', () => {
  const guessAt = (identifier: string, from = newAddress(), password = 'a guess') =>
    call('POST', '/auth/login', {
      body: { identifier, password },
      headers: { 'CF-Connecting-IP': from },
    })

  it('names the account of a failed login if it exists, although the response does not differ', async () => {
    const { name, user } = await newPerson()
    const known = await guessAt(name)
    expect(lastRequest()).toMatchObject({ status: 401, code: 'invalid_credentials', account_id: user.id })
    const unknown = await guessAt(newName())
    expect(lastRequest()).toMatchObject({ status: 401, code: 'invalid_credentials' })
    expect(lastRequest()).not.toHaveProperty('account_id')
    expect(await known.text()).toBe(await unknown.text())
    const namesOf = ({ headers }: Response) => [...headers.keys()]
    expect(namesOf(known)).toEqual(namesOf(unknown))
  })

  it('names the account of a login that is refused as disabled, and of a wrong current password at /auth/me', async () => {
    const { name, user, access_token: bearer } = await newPerson()
    const wrong = { current_password: 'a guess' }
    for (const [method, path, body] of [
      ['PATCH', '/auth/me', { ...wrong, username: newName() }],
      ['PUT', '/auth/me/password', { ...wrong, new_password: NEW_PASSWORD }],
      ['DELETE', '/auth/me', wrong],
    ] as const) {
      await refused(call(method, path, { bearer, body }))
      expect(lastRequest()).toMatchObject({ code: 'invalid_credentials', account_id: user.id })
      expect(lastRequest()).toHaveProperty('identifier_digest')
    }
    await ok(admin('PATCH', `/admin/users/${user.id}`, { disabled: true }))
    await guessAt(name, newAddress(), PASSWORD)
    expect(lastRequest()).toMatchObject({ status: 403, code: 'account_disabled', account_id: user.id })
  })

  it('writes the same digest for the same address or identifier, and another for any other', async () => {
    const [from, other] = [newAddress(), newAddress()]
    const name = newName()
    await guessAt(name, from)
    await guessAt(name.toUpperCase(), other)
    await guessAt(newName(), from)
    const [first, second, third] = requests()
    expect(first.identifier_digest).toMatch(/^[\w-]{16}$/)
    expect(first.address_digest).toMatch(/^[\w-]{16}$/)
    expect(second.identifier_digest).toBe(first.identifier_digest)
    expect(second.address_digest).not.toBe(first.address_digest)
    expect(third.address_digest).toBe(first.address_digest)
    expect(third.identifier_digest).not.toBe(first.identifier_digest)
  })

  it.each([
    ['203.0.113.7', 'client:203.0.113.7', 'Ada@Example.COM', 'identifier:email:ada@example.com'],
    ['2001:db8:1:2:3::4', 'client:2001:db8:1:2::/64', '+1 201 555 0123', 'identifier:phone:+12015550123'],
    ['::ffff:203.0.113.7', 'client:203.0.113.7', 'ADA', 'identifier:username:ada'],
    ['203.0.113.7', 'client:203.0.113.7', '@', 'identifier:none:@'],
  ])('derives digests with the naming key in D1: %s, %s, %s', async (from, client, typed, identifier) => {
    const key = (await env.DB.prepare('SELECT key FROM naming_key').first<string>('key')) ?? ''
    const hash = { name: 'HMAC', hash: 'SHA-256' }
    const hmacKey = await crypto.subtle.importKey('raw', new TextEncoder().encode(key), hash, false, ['sign'])
    const digest = async (text: string) =>
      base64url
        .encode(new Uint8Array(await crypto.subtle.sign('HMAC', hmacKey, new TextEncoder().encode(text))))
        .slice(0, 16)
    await guessAt(typed, from)
    expect(lastRequest()).toMatchObject({
      address_digest: await digest(client),
      identifier_digest: await digest(identifier),
    })
  })

  it('writes the same digests for a login that limits refuse, and in the pages', async () => {
    const from = newAddress()
    const { name, user } = await newPerson()
    for (let guess = 1; guess <= 4; guess++) await guessAt(name, from)
    const [, third, fourth] = requests().slice(-3)
    expect(fourth).toMatchObject({
      code: 'challenge_required',
      address_digest: third.address_digest,
      identifier_digest: third.identifier_digest,
    })
    await new Browser().send('/login', { identifier: name, password: 'a guess' })
    expect(lastRequest()).toMatchObject({
      route: '/login',
      code: 'invalid_credentials',
      account_id: user.id,
      identifier_digest: third.identifier_digest,
    })
  })

  it('logs a failed login without additional round trips', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    const { name } = await newPerson(worker)
    watched.reset()
    expect((await logIn(name, 'a guess', worker)).status).toBe(401)
    // Two counters reserve and settle, and the primary is read before a refusal.
    expect(watched.counts).toEqual({ d1: 1, rpc: 4 })
  })
})

describe('the line of a refusal', () => {
  it('names account and session of a token whose session has ended', async () => {
    const { access_token: bearer, refresh_token, user } = await newPerson()
    const session = decodeJwt(bearer).sid
    await ok(call('DELETE', '/auth/sessions', { bearer }), 204)
    await refused(call('GET', '/auth/me', { bearer }))
    expect(lastRequest()).toMatchObject({ code: 'invalid_token', account_id: user.id, session_id: session })
    await refused(refresh(refresh_token))
    expect(lastRequest()).toMatchObject({
      code: 'invalid_refresh_token',
      account_id: user.id,
      session_id: session,
    })
  })

  it('names the account of a reused refresh token', async () => {
    freeze()
    const { refresh_token, user } = await newPerson()
    await ok(refresh(refresh_token))
    advance(11)
    await refused(refresh(refresh_token))
    expect(lastRequest()).toMatchObject({ code: 'refresh_token_reused', account_id: user.id })
  })

  it('names no account for a forged token, but writes the digest of its address', async () => {
    const { access_token: bearer } = await newPerson()
    const from = { 'CF-Connecting-IP': newAddress() }
    await refused(call('GET', '/auth/me', { bearer: `${bearer.slice(0, -4)}AAAA`, headers: from }))
    const [forged] = requests().slice(-1)
    expect(forged).not.toHaveProperty('account_id')
    await refused(call('GET', '/admin/keys', { bearer: 'a guess at the admin token', headers: from }))
    expect(lastRequest().address_digest).toBe(forged.address_digest)
    expect(forged.address_digest).toMatch(/^[\w-]{16}$/)
  })

  it('omits the address digest, without a query, in an isolate that has not read the naming key', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    await refused(call('GET', '/auth/me', { bearer: 'x' }, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    expect(lastRequest()).not.toHaveProperty('address_digest')
  })

  it.each([
    ['the gateway', '/api/orders', { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, roles: 'editor' } } }],
    ['/auth/verify', '/auth/verify?roles=editor', {}],
    ['the administration API', '/admin/keys', {}],
  ])('names the account that lacks a role at %s', async (_where, path, settings) => {
    const { access_token: bearer, user } = await newPerson()
    expect((await call('GET', path, { bearer }, workerWith(settings))).status).toBe(403)
    expect(lastRequest()).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
      account_id: user.id,
      session_id: decodeJwt(bearer).sid,
    })
    expect(lastRequest()).not.toHaveProperty('actor')
  })

  it('names a client whose secret was wrong, and omits an unknown client id', async () => {
    const { client_id } = await newClient()
    await post('/oauth2/introspect', { token: 'x' }, { headers: basic(client_id, 'a guess') })
    expect(lastRequest()).toMatchObject({ code: 'invalid_client', client_id })
    expect(lastRequest()).toHaveProperty('address_digest')
    await post('/oauth2/introspect', { token: 'x' }, { headers: basic(crypto.randomUUID(), 'a guess') })
    expect(lastRequest()).not.toHaveProperty('client_id')
  })

  it('names the account of a token that another client may not revoke', async () => {
    const { client_id, client_secret } = await newClient()
    const { access_token: token, user } = await newPerson()
    await post('/oauth2/revoke', { token }, { headers: basic(client_id, client_secret) })
    expect(lastRequest()).toMatchObject({ code: 'invalid_grant', client_id, account_id: user.id })
  })
})

describe('the line of a change', () => {
  it('names the fields that an administrator sets and their account, but not the values', async () => {
    const { user } = await newPerson()
    const operator = await newOperator()
    const change = { disabled: false, roles: ['a-hidden-role'], claims: { 'a-hidden-name': 1 } }
    await ok(admin('PATCH', `/admin/users/${user.id}`, change, undefined, operator.access_token))
    expect(lastRequest()).toMatchObject({
      actor: operator.user.id,
      account_id: user.id,
      session_id: decodeJwt(operator.access_token).sid,
      fields: ['disabled', 'roles', 'claims'],
    })
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('names the account of a change that failed, and no account that does not exist', async () => {
    const { user } = await newPerson()
    const watched = watch()
    watched.fail('run', { before: true })
    watched.fail('batch', { before: true })
    const worker = workerWith(watched.bindings)
    expect((await admin('PATCH', `/admin/users/${user.id}`, { roles: [] }, worker)).status).toBe(503)
    expect(lastRequest()).toMatchObject({ account_id: user.id, fields: ['roles'] })
    const operator = await newOperator()
    await refused(admin('GET', '/admin/users/a-hidden-id', undefined, undefined, operator.access_token))
    expect(lastRequest()).toMatchObject({ status: 404, actor: operator.user.id })
    expect(lastRequest()).not.toHaveProperty('account_id')
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('names the limits that an administrator sets', async () => {
    const rules = { login_failures_per_ip: { threshold: 3 }, registrations_per_ip: { enabled: true } }
    const change = { registration_open: true, registration_allow: { emails: [] }, rules }
    await ok(admin('PUT', '/admin/limits', change))
    expect(lastRequest().fields.toSorted()).toEqual([
      'registration_allow.emails',
      'registration_open',
      'rules.login_failures_per_ip.threshold',
      'rules.registrations_per_ip.enabled',
    ])
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { threshold: 3, window_seconds: 300 }))
    expect(lastRequest()).toMatchObject({ actor: 'admin_token' })
    expect(lastRequest().fields.toSorted()).toEqual([
      'rules.login_failures_per_ip.threshold',
      'rules.login_failures_per_ip.window_seconds',
    ])
  })

  it('names a client that is registered or deleted, and a key that is rotated', async () => {
    const { client_id } = await newClient({ client_name: 'a-hidden-name', audience: 'a-hidden-audience' })
    expect(lastRequest()).toMatchObject({ client_id, fields: ['client_name', 'audience'] })
    await ok(admin('DELETE', `/admin/clients/${client_id}`), 204)
    expect(lastRequest()).toMatchObject({ status: 204, client_id, actor: 'admin_token' })
    await ok(admin('POST', '/admin/keys/rotate'), 202)
    const advanced = lines
      .map((line) => JSON.parse(line))
      .find(({ event }) => event === 'signing_key_advanced')
    expect(advanced).toMatchObject({ kid: expect.any(String), request_id: lastRequest().request_id })
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('names the identifiers that users set on their own account', async () => {
    const { access_token: bearer } = await newPerson()
    const change = { current_password: PASSWORD, email: null, username: newName() }
    await ok(call('PATCH', '/auth/me', { bearer, body: change }))
    expect(lastRequest()).toMatchObject({ status: 200, fields: ['username', 'email'] })
  })
})
