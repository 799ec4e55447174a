import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  call,
  type Fetch,
  logIn,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { disable, pendingChanges } from '../support/database.ts'
import { profileOf as me, readUser } from '../support/managed-users.ts'
import type { Problem, Tokens, User } from '../support/responses.ts'

const UNSET = { name: null, picture: null, locale: null, zoneinfo: null }
const PROFILE = {
  name: 'Ada Lovelace',
  picture: 'https://example.com/ada.png',
  locale: 'en-GB',
  zoneinfo: 'Europe/London',
}

const patch = (bearer: string, body: object, fetch: Fetch = worker) =>
  call('PATCH', '/auth/me', { bearer, body }, fetch)
const register = (fields: object) =>
  call('POST', '/auth/register', { body: { username: newName(), password: PASSWORD, ...fields } })
const fieldsOf = ({ errors = [] }: Problem) => errors.map(({ field }) => field)

describe('profile fields at registration', () => {
  it('are null in every response if they are not given', async () => {
    const { user, access_token } = await newPerson()
    expect(user).toMatchObject(UNSET)
    expect(await me(access_token)).toMatchObject(UNSET)
    expect(await readUser(user.id)).toMatchObject(UNSET)
  })

  it('are stored, trimmed and in their canonical form', async () => {
    const given = { name: ' Ada Lovelace\u200b', picture: 'HTTPS://example.com/ada.png', locale: 'EN-gb' }
    const { user, access_token } = await ok<Tokens>(register({ ...PROFILE, ...given }), 201)
    expect(user).toMatchObject(PROFILE)
    expect(await me(access_token)).toEqual(user)
    expect(await readUser(user.id)).toMatchObject(PROFILE)
  })

  it('count as absent if they are empty or null', async () => {
    const { user } = await ok<Tokens>(register({ name: ' ', picture: '', locale: null, zoneinfo: '' }), 201)
    expect(user).toMatchObject(UNSET)
  })

  it('do not replace an identifier', async () => {
    const body = { name: 'Ada', password: PASSWORD }
    const refusal = await refused(call('POST', '/auth/register', { body }))
    expect(refusal.status).toBe(422)
    expect(fieldsOf(refusal)).toEqual(['username', 'email', 'phone'])
  })

  it('are rejected together with all other invalid fields', async () => {
    const invalid = { name: 'a\tb', picture: 'http://example.com', locale: 'en_GB', zoneinfo: 7 }
    const refusal = await refused(register({ ...invalid, username: 'x', password: 'password' }))
    expect(refusal).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(fieldsOf(refusal).toSorted()).toEqual([
      'locale',
      'name',
      'password',
      'picture',
      'username',
      'zoneinfo',
    ])
  })
})

describe('PATCH /auth/me with profile fields', () => {
  it('sets them without a password, at once for the profile, refreshes, logins and operators', async () => {
    const { access_token, refresh_token, name, user: before } = await newPerson()
    const user = await ok<User>(patch(access_token, PROFILE, workerWith({})))
    expect(user).toEqual({ ...before, ...PROFILE, updated_at: user.updated_at })
    expect(await me(access_token)).toEqual(user)
    expect((await ok<Tokens>(refresh(refresh_token))).user).toEqual(user)
    expect((await ok<Tokens>(logIn(name))).user).toEqual(user)
    expect(await readUser(user.id)).toMatchObject(PROFILE)
    expect(await pendingChanges(user.id)).toBe(0)
  })

  it('clears those that are null and leaves the rest', async () => {
    const { access_token } = await ok<Tokens>(register(PROFILE), 201)
    const cleared = await ok<User>(patch(access_token, { name: null, zoneinfo: 'asia/tokyo' }))
    expect(cleared).toMatchObject({ ...PROFILE, name: null, zoneinfo: 'Asia/Tokyo' })
    const all = await ok<User>(patch(access_token, UNSET))
    expect(all).toMatchObject(UNSET)
  })

  it('puts none of them into access tokens', async () => {
    const { access_token, name } = await newPerson()
    await ok(patch(access_token, PROFILE))
    const claims = decodeJwt((await ok<Tokens>(logIn(name))).access_token)
    for (const field of Object.keys(PROFILE)) expect(claims).not.toHaveProperty(field)
  })

  it('is not counted: needs no challenge where every login and registration needs one, and reports no limit', async () => {
    const { access_token } = await newPerson()
    const always = { threshold: 0, action: 'challenge' }
    const LIMITS = {
      login_failures_per_ip: always,
      login_failures_per_account: always,
      registrations_per_ip: always,
    }
    const response = await patch(access_token, PROFILE, workerWith({ LIMITS }))
    expect(response.status).toBe(200)
    expect(response.headers.has('RateLimit')).toBe(false)
  })

  it('neither checks nor counts a password that is sent without an identifier', async () => {
    const { access_token, name } = await newPerson()
    const body = { ...PROFILE, current_password: 'not the password', challenge: 'none' }
    for (let times = 0; times < 5; times++) await ok(patch(access_token, body))
    await ok(logIn(name))
  })

  it('needs no IP address', async () => {
    const { access_token } = await newPerson()
    const headers = { 'CF-Connecting-IP': '' }
    await ok(call('PATCH', '/auth/me', { bearer: access_token, body: PROFILE, headers }))
  })

  it.each([
    ['a token that is invalid', 401, 'invalid_token', async (token: string) => `${token}x`],
    ['a token of a session that has ended', 401, 'invalid_token', endSession],
    ['an account that is disabled', 403, 'account_disabled', disableUnpublished],
  ])('rejects %s', async (_what, status, code, prepare) => {
    const { access_token, user } = await newPerson()
    const bearer = await prepare(access_token, user.id)
    expect(await refused(patch(bearer, PROFILE))).toMatchObject({ status, code })
    expect(await readUser(user.id)).toMatchObject(UNSET)
  })

  it('reads published state without these fields as null, and adds them', async () => {
    const { access_token, refresh_token, user } = await ok<Tokens>(register(PROFILE), 201)
    await runInDurableObject(env.ACCOUNT.getByName(user.id), (_object, { storage }) => {
      const row = storage.kv.get<{ state: { profile: Record<string, unknown> } }>('account')
      if (row === undefined) throw new Error('nothing is stored')
      const { name, picture, locale, zoneinfo, ...profile } = row.state.profile
      storage.kv.put('account', { ...row, state: { ...row.state, profile } })
    })
    expect(await me(access_token)).toEqual({ ...user, ...UNSET })
    expect((await ok<Tokens>(refresh(refresh_token))).user).toEqual({ ...user, ...UNSET })
    await ok(patch(access_token, { locale: 'de' }))
    expect(await me(access_token)).toMatchObject({ ...PROFILE, locale: 'de' })
  })
})

describe('PATCH /auth/me with identifiers and profile fields', () => {
  /** Rejected changes share a person, since they change nothing. */
  let unchanged: ReturnType<typeof newPerson> | null = null

  it('sets both with the password', async () => {
    const { access_token } = await newPerson()
    const username = newName()
    const body = { username, ...PROFILE, current_password: PASSWORD }
    expect(await ok<User>(patch(access_token, body))).toMatchObject({ username, ...PROFILE })
  })

  it.each([
    ['no password', 422, 'invalid_request', {}],
    ['a wrong password', 401, 'invalid_credentials', { current_password: 'not the password' }],
  ])('sets neither with %s, nor if the identifier is to be cleared', async (_what, status, code, sent) => {
    const { access_token, name } = await newPerson()
    for (const identifier of [{ username: newName() }, { email: null }]) {
      const refusal = await refused(patch(access_token, { ...identifier, ...PROFILE, ...sent }))
      expect(refusal).toMatchObject({ status, code })
    }
    expect(await me(access_token)).toMatchObject({ username: name, ...UNSET })
  })

  it('sets neither if the identifier is taken', async () => {
    const [person, other] = [await newPerson(), await newPerson()]
    const body = { username: other.name, ...PROFILE, current_password: PASSWORD }
    expect(await refused(patch(person.access_token, body))).toMatchObject({ code: 'identifier_taken' })
    expect(await me(person.access_token)).toEqual(person.user)
  })

  it.each([
    ['nothing', {}, ['username', 'email', 'phone', 'name', 'picture', 'locale', 'zoneinfo']],
    [
      'an unknown field alone',
      { nickname: 'Ada' },
      ['username', 'email', 'phone', 'name', 'picture', 'locale', 'zoneinfo', 'nickname'],
    ],
    ['an unknown field beside a name', { name: 'Ada', nickname: 'Ada' }, ['nickname']],
    ['an empty name', { name: ' ' }, ['name']],
    ['a name of 101 characters', { name: 'a'.repeat(101) }, ['name']],
    ['a control character', { name: 'Ada\n' }, ['name']],
    ['half a character', { name: '\ud83d' }, ['name']],
    ['a picture without https', { picture: 'http://example.com/ada.png' }, ['picture']],
    ['a list of locales', { locale: ['en'] }, ['locale']],
    ['an offset', { zoneinfo: '+01:00' }, ['zoneinfo']],
    ['an empty password', { name: 'Ada', current_password: '' }, ['current_password']],
    [
      'everything invalid',
      { name: '', picture: '', locale: '', zoneinfo: '' },
      ['name', 'picture', 'locale', 'zoneinfo'],
    ],
    ['an identifier without a password', { email: null, name: 'Ada' }, ['current_password']],
    [
      'a reserved username without a password',
      { username: 'root', name: 'Ada' },
      ['current_password', 'username'],
    ],
    [
      'an invalid identifier and an invalid name, without a password',
      { email: 'no', name: '' },
      ['current_password', 'email', 'name'],
    ],
    [
      'the last identifier cleared, without a password',
      { username: null, locale: '_' },
      ['current_password', 'locale', 'username'],
    ],
  ])('names all invalid fields at once: %s', async (_what, body, fields) => {
    unchanged ??= newPerson()
    const { access_token, user } = await unchanged
    const refusal = await refused(patch(access_token, body))
    expect(refusal).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(fieldsOf(refusal).toSorted()).toEqual(fields.toSorted())
    expect(await me(access_token)).toEqual(user)
  })
})

async function endSession(bearer: string): Promise<string> {
  await ok(call('POST', '/auth/logout', { bearer }), 204)
  return bearer
}

/** The database has the account disabled, and its object does not know. */
async function disableUnpublished(bearer: string, id: string): Promise<string> {
  await disable(id)
  return bearer
}
