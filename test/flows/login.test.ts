import { env } from 'cloudflare:workers'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { utf8 } from '../../src/crypto/bytes.ts'
import { derive, hashPassword } from '../../src/passwords/pbkdf2.ts'
import { formatPhc } from '../../src/passwords/phc.ts'
import {
  call,
  logIn,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refresh,
  refused,
  register,
  workerWith,
} from '../support/client.ts'
import { disable, grant, runCron } from '../support/database.ts'
import type { Tokens } from '../support/responses.ts'

const hashOf = (id: string) =>
  env.DB.prepare('SELECT password_hash FROM accounts WHERE id = ?1').bind(id).first<string>('password_hash')

const storeHash = (id: string, hash: string) =>
  env.DB.prepare('UPDATE accounts SET password_hash = ?2 WHERE id = ?1').bind(id, hash).run()

describe('login', () => {
  it('issues an RFC 9068 access token', async () => {
    const { name, user } = await newPerson()
    await grant(user.id, {
      roles: ['editor'],
      scopes: ['read', 'write', 'admin'],
      claims: { tenant: 'acme', iss: 'x', nbf: 9_999_999_999, sub: 'x', scope: 'admin' },
    })
    const { access_token } = await ok<Tokens>(logIn(name))
    expect(decodeProtectedHeader(access_token)).toEqual({
      typ: 'at+jwt',
      alg: 'ES256',
      kid: expect.any(String),
    })
    const claims = decodeJwt(access_token)
    expect(claims).toEqual({
      iss: PUBLIC_URL,
      aud: PUBLIC_URL,
      sub: user.id,
      iat: expect.any(Number),
      exp: (claims.iat ?? 0) + 600,
      jti: expect.any(String),
      sid: expect.any(String),
      auth_time: claims.iat,
      amr: ['pwd'],
      client_id: 'gatehouse',
      scope: 'read write',
      roles: ['editor'],
      preferred_username: name,
      tenant: 'acme',
    })
  })

  it('dates the access token no earlier than the login, even if the request began before', async () => {
    const { name } = await newPerson()
    let began = false
    const millisecondsPass = vi.spyOn(Date, 'now').mockImplementation(() => {
      if (began) return 4_000_000_000_001
      began = true
      return 3_999_999_999_999
    })
    const { access_token, refresh_expires_in } = await ok<Tokens>(logIn(name))
    millisecondsPass.mockRestore()
    expect(decodeJwt(access_token)).toMatchObject({ iat: 4_000_000_000, auth_time: 4_000_000_000 })
    expect(refresh_expires_in).toBe(2_592_000)
  })

  it('omits preferred_username for an account without a username', async () => {
    const email = `${newName()}@example.com`
    const { user } = await ok<Tokens>(register({ email }), 201)
    await grant(user.id, { claims: { preferred_username: 'somebody else' } })
    const { access_token } = await ok<Tokens>(logIn(email))
    expect(decodeJwt(access_token)).not.toHaveProperty('preferred_username')
  })

  it('returns the same response for a wrong password, an unknown identifier and an impossible one', async () => {
    const { name } = await newPerson()
    const responses = await Promise.all(
      [name, newName(), 'nobody@example.com', '+12015550100', '12', 'x', 'a@b@c', '\u3164'].map(
        (identifier) => logIn(identifier, 'not the password'),
      ),
    )
    const problems = await Promise.all(responses.map((response) => response.text()))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401]))
    expect(new Set(problems).size).toBe(1)
    expect(new Set(responses.map(({ headers }) => headers.get('WWW-Authenticate')))).toEqual(
      new Set(['Bearer realm="gatehouse"']),
    )
  })

  it('does the same work for a wrong password, an unknown identifier and an impossible one', async () => {
    const { name } = await newPerson()
    const deriveBits = vi.spyOn(crypto.subtle, 'deriveBits')
    const iterationsOf = async (identifier: string) => {
      deriveBits.mockClear()
      await refused(logIn(identifier, 'not the password'))
      const pbkdf2 = deriveBits.mock.calls.map(([algorithm]) => algorithm as SubtleCryptoDeriveKeyAlgorithm)
      return pbkdf2.reduce((sum, { iterations = 0 }) => sum + iterations, 0)
    }
    expect(await iterationsOf(name)).toBe(600_000)
    expect(await iterationsOf(newName())).toBe(600_000)
    expect(await iterationsOf('@')).toBe(600_000)
    deriveBits.mockRestore()
  })

  it('applies no password policy at login', async () => {
    const { name, user } = await newPerson()
    for (const password of ['x', 'password', 'x'.repeat(5_000)]) {
      await storeHash(user.id, await hashPassword(password, null))
      expect((await logIn(name, password)).status).toBe(200)
    }
  })

  it.each([
    ['wrong', 'not the password', 401, 'invalid_credentials'],
    ['correct', PASSWORD, 403, 'account_disabled'],
  ])(
    'reports a disabled account only if the password is correct: %s',
    async (_which, password, status, code) => {
      const { name, user } = await newPerson()
      await disable(user.id)
      expect(await refused(logIn(name, password))).toMatchObject({ status, code })
    },
  )

  it('narrows the scopes of the account to those requested at login, through every refresh', async () => {
    const { name, user } = await newPerson()
    await grant(user.id, { scopes: ['read', 'write', 'admin'] })
    const body = { identifier: name, password: PASSWORD, scope: 'write later missing' }
    const narrowed = await ok<Tokens>(call('POST', '/auth/login', { body }))
    expect(narrowed.scope).toBe('write')
    await grant(user.id, { scopes: ['read', 'write', 'later'] })
    await runCron()
    const refreshed = await ok<Tokens>(refresh(narrowed.refresh_token))
    expect(refreshed.scope).toBe('write later')
    expect(decodeJwt(refreshed.access_token).scope).toBe('write later')
  })

  it('grants the scope admin only if the login requests it', async () => {
    const { name, user } = await newPerson()
    await grant(user.id, { scopes: ['admin', 'read'] })
    expect((await ok<Tokens>(logIn(name))).scope).toBe('read')
    const body = { identifier: name, password: PASSWORD, scope: 'admin' }
    expect((await ok<Tokens>(call('POST', '/auth/login', { body }))).scope).toBe('admin')
  })

  it('replaces a hash of fewer iterations after a correct login, and only then', async () => {
    const worker = workerWith({})
    const { name, user } = await newPerson()
    const salt = utf8('a salt of tests!')
    const hash = await derive(utf8(PASSWORD), salt, 1_000)
    const cheap = formatPhc({ iterations: 1_000, rounds: 1, pepperId: null, salt, hash })
    await storeHash(user.id, cheap)
    await refused(logIn(name, 'not the password', worker))
    expect(await hashOf(user.id)).toBe(cheap)
    await ok(logIn(name, PASSWORD, worker))
    const renewed = await hashOf(user.id)
    expect(renewed).toContain('$i=100000,r=6$')
    await ok(logIn(name, PASSWORD, worker))
    expect(await hashOf(user.id)).toBe(renewed)
  })

  it('adds the pepper to a stored hash at login, and answers misconfigured once it is missing', async () => {
    const peppered = workerWith({ PASSWORD_PEPPER: 'a pepper of the tests, long enough for production' })
    const { name, user } = await newPerson()
    await ok(logIn(name, PASSWORD, peppered))
    expect(await hashOf(user.id)).toMatch(/^\$pbkdf2-sha256\$i=100000,r=6,k=/)
    await ok(logIn(name, PASSWORD, peppered))
    expect(await refused(logIn(name, 'not the password', peppered))).toMatchObject({
      code: 'invalid_credentials',
    })
    expect(await refused(logIn(name))).toMatchObject({ status: 503, code: 'misconfigured' })
  })

  it.each(['', '$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA', '$pbkdf2-sha256$i=9999999,r=6$c2FsdHNhbHQ$AAAA'])(
    'rejects a login if the stored hash cannot be verified: %j',
    async (damaged) => {
      const { name, user } = await newPerson()
      await storeHash(user.id, damaged)
      expect(await refused(logIn(name))).toMatchObject({ status: 401, code: 'invalid_credentials' })
    },
  )
})
