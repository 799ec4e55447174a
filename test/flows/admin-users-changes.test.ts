import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, newOperator } from '../support/admin.ts'
import {
  isAlive,
  logIn,
  newPerson,
  ok,
  refresh,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant, runCron, untold } from '../support/database.ts'
import { change, changed, me, see, someAccount } from '../support/managed-users.ts'

/** Roles or scopes of 2,010 bytes as JSON. */
const LONG_NAMES = Array.from({ length: 30 }, (_none, index) => String(index).padStart(64, 'x'))
const LONE_SURROGATE = '\ud800'

beforeEach(() => freeze())
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** A value of so many lists, each in the next. */
function nested(levels: number): unknown {
  return levels === 0 ? 'x' : [nested(levels - 1)]
}

describe('a change', () => {
  it.each<[string, unknown, string[]]>([
    ['an unknown field', { disbaled: true }, ['disbaled']],
    ['an identifier', { email: 'ada@example.com' }, ['email']],
    ['a field that no object should have', '{"__proto__":{}}', ['__proto__']],
    ['a disabled of null', { disabled: null }, ['disabled']],
    ['a disabled of text', { disabled: 'true' }, ['disabled']],
    ['a disabled of a number', { disabled: 1 }, ['disabled']],
    ...['roles', 'scopes'].flatMap((field): [string, unknown, string[]][] => [
      [`${field} of null`, { [field]: null }, [field]],
      [`${field} of text`, { [field]: 'editor' }, [field]],
      [`${field} that are an object`, { [field]: { 0: 'editor' } }, [field]],
      [`${field} with a number`, { [field]: [1] }, [field]],
      [`${field} with a null`, { [field]: [null] }, [field]],
      [`${field} with an empty one`, { [field]: [''] }, [field]],
      [`${field} with a space`, { [field]: ['a b'] }, [field]],
      [`${field} with a line break`, { [field]: ['a\n'] }, [field]],
      [`${field} with a letter beyond ASCII`, { [field]: ['é'] }, [field]],
      [`${field} with a lone surrogate`, { [field]: [LONE_SURROGATE] }, [field]],
      [`${field} with a name of 65 characters`, { [field]: ['x'.repeat(65)] }, [field]],
      [`${field} with two mistakes`, { [field]: ['a', '/', 'b', ','] }, [field, field]],
    ]),
    ['claims of null', { claims: null }, ['claims']],
    ['claims of text', { claims: 'x' }, ['claims']],
    ['claims that are a list', { claims: [] }, ['claims']],
    ['a claim with a lone surrogate', { claims: { a: LONE_SURROGATE } }, ['claims']],
    ['a claim with a lone surrogate below', { claims: { a: [{ b: LONE_SURROGATE }] } }, ['claims']],
    ['a claim with a lone surrogate in a name below', { claims: { a: { [LONE_SURROGATE]: 1 } } }, ['claims']],
    ['a claim named by a lone surrogate', { claims: { [LONE_SURROGATE]: 1 } }, ['claims']],
    ['a claim with an integer that is not safe', '{"claims":{"a":9007199254740993}}', ['claims']],
    ['a claim with an integer of 21 digits', '{"claims":{"a":[1e20]}}', ['claims']],
    ['claims of too many bytes', { claims: { a: 'x'.repeat(1_800) } }, ['claims']],
    ['claims of too many bytes and few characters', { claims: { a: '€'.repeat(600) } }, ['claims']],
    ['roles of too many bytes', { roles: LONG_NAMES }, ['roles']],
    ['scopes of too many bytes', { scopes: LONG_NAMES }, ['scopes']],
    [
      'too many bytes together',
      { roles: LONG_NAMES.slice(15), scopes: LONG_NAMES.slice(15), claims: { a: '' } },
      ['claims', 'roles', 'scopes'],
    ],
    ['a claim of nine levels', { claims: { a: nested(9) } }, ['claims']],
    ['a claim of 8,000 levels', `{"claims":{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}}`, ['claims']],
    [
      'a mistake in every field',
      { disabled: 0, roles: [' '], scopes: 'x', claims: { sub: 'x', iss: 'y' }, x: 1 },
      ['claims', 'claims', 'disabled', 'roles', 'scopes', 'x'],
    ],
  ])('with %s is refused, and every field named', async (_what, body, fields) => {
    const id = await someAccount()
    const before = await see(id)
    const problem = await refused(change(id, body))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(problem.errors?.map(({ field }) => field).toSorted()).toEqual(fields)
    expect(await see(id)).toEqual(before)
  })

  it.each([
    'iss',
    'sub',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'sid',
    'auth_time',
    'amr',
    'client_id',
    'scope',
    'roles',
    'preferred_username',
    'acr',
    'azp',
    'act',
    'may_act',
    'cnf',
    'nonce',
    'at_hash',
    'c_hash',
    'events',
    'fid',
    'sub_id',
    'authorization_details',
    'email',
    'email_verified',
    'phone_number',
    'phone_number_verified',
    'updated_at',
    'locale',
  ])('with the reserved claim %s is refused, beside a good one too', async (name) => {
    const id = await someAccount()
    const before = await see(id)
    const problem = await refused(change(id, { claims: { tenant: 'a', [name]: null } }))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'claims' }] })
    expect(problem.errors?.[0]?.message).toContain(name)
    expect(await see(id)).toEqual(before)
  })

  it('says how many bytes roles, scopes and claims may have', async () => {
    const { errors } = await refused(change(await someAccount(), { roles: LONG_NAMES }))
    expect(errors).toEqual([{ field: 'roles', message: expect.stringContaining('1,800 bytes') }])
  })

  it('may fill an account up to 1,800 bytes, of which each part that stays counts', async () => {
    const { user } = await newPerson()
    const claims = { note: 'ä'.repeat(400) }
    await changed(user.id, { claims })
    const roles = LONG_NAMES.slice(0, 14)
    expect(JSON.stringify({ roles, scopes: [], claims }).length + 400).toBeLessThanOrEqual(1_800)
    await changed(user.id, { roles })
    expect(await refused(change(user.id, { scopes: LONG_NAMES.slice(0, 2) }))).toMatchObject({
      code: 'invalid_request',
      errors: [{ field: 'scopes' }],
    })
    expect(await changed(user.id, { scopes: ['read'] })).toMatchObject({ roles, scopes: ['read'], claims })
  })

  it('disables an account that has more than that from before, and grants it nothing beside it', async () => {
    const { user } = await newPerson()
    await grant(user.id, { roles: ['editor'], claims: { note: 'x'.repeat(2_000) } })
    expect(await refused(change(user.id, { roles: ['editor', 'author'] }))).toMatchObject({
      errors: [{ field: 'roles' }],
    })
    expect(await changed(user.id, { disabled: true })).toMatchObject({ disabled: true, roles: ['editor'] })
    expect(await changed(user.id, { claims: {} })).toMatchObject({ roles: ['editor'], claims: {} })
  })

  it('never repeats what was sent as a value', async () => {
    const secret = 'a value to be kept from logs'
    const body = { disabled: secret, roles: [secret], scopes: secret, claims: { a: secret + LONE_SURROGATE } }
    const problem = await refused(change(await someAccount(), body))
    expect(JSON.stringify(problem)).not.toContain(secret)
  })

  it('takes names of 64 characters, of every kind allowed, each once', async () => {
    const { user } = await newPerson()
    const longest = 'AZaz09:._-'.padEnd(64, 'x')
    const body = { roles: [longest, 'a', 'a'], scopes: ['a', longest, 'a'] }
    expect(await changed(user.id, body)).toMatchObject({ roles: [longest, 'a'], scopes: ['a', longest] })
  })

  it('takes claims of every kind of JSON, which access tokens then carry', async () => {
    const { user, refresh_token } = await newPerson()
    const claims = {
      tenant: 'ä€😀',
      level: -1.5,
      beta: false,
      nothing: null,
      deep: nested(8),
      '': { a: [] },
      constructor: 'x',
    }
    expect((await changed(user.id, { claims })).claims).toEqual(claims)
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    expect(decodeJwt(access_token)).toMatchObject(claims)
    expect((await me(access_token)).claims).toEqual(claims)
  })

  it('with a claim named __proto__ drops nothing in silence', async () => {
    const { user, refresh_token } = await newPerson()
    const answer = await change(user.id, '{"claims":{"__proto__":{"admin":true},"tenant":"a"}}')
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    expect(decodeJwt(access_token).admin).toBeUndefined()
    if (answer.status === 422) return
    expect(Object.keys((await see(user.id)).claims)).toEqual(['__proto__', 'tenant'])
  })

  it('replaces what is given, and the rest stays', async () => {
    const { user, name } = await newPerson()
    await changed(user.id, { roles: ['editor', 'author'], scopes: ['read'], claims: { a: 1, b: 2 } })
    advance(60)
    const shown = {
      ...user,
      roles: ['editor', 'author'],
      scopes: ['read'],
      claims: { a: 1, b: 2 },
      disabled: false,
      updated_at: '2096-10-02T07:07:40Z',
    }
    expect(await changed(user.id, { roles: ['reader'] })).toEqual({ ...shown, roles: ['reader'] })
    expect(await changed(user.id, { scopes: [] })).toEqual({ ...shown, roles: ['reader'], scopes: [] })
    const last = { ...shown, roles: ['reader'], scopes: [], claims: { c: 3 } }
    expect(await changed(user.id, { claims: { c: 3 } })).toEqual(last)
    expect(await see(user.id)).toEqual(last)
    expect((await ok<Tokens>(logIn(name))).user).toMatchObject({ roles: ['reader'], claims: { c: 3 } })
  })

  it('of nothing changes nothing, and asks the object nothing', async () => {
    const { user } = await newPerson()
    const watched = watch()
    advance(60)
    const answer = change(user.id, {}, workerWith(watched.bindings))
    expect(await ok(answer)).toEqual({ ...user, disabled: false })
    expect(watched.counts.rpc).toBe(0)
    expect(await untold(user.id)).toBe(0)
  })

  it('of grants is in force with the next refresh, and in GET /auth/me at once', async () => {
    const { user, access_token, refresh_token } = await newPerson()
    await changed(user.id, { roles: ['editor'], scopes: ['read', 'admin'] })
    expect(await me(access_token)).toMatchObject({ roles: ['editor'], scopes: ['read', 'admin'] })
    const refreshed = await ok<Tokens>(refresh(refresh_token))
    expect(refreshed.user).toMatchObject({ roles: ['editor'], scopes: ['read', 'admin'] })
    expect(decodeJwt(refreshed.access_token)).toMatchObject({ roles: ['editor'], scope: 'read' })
    await changed(user.id, { roles: [], scopes: [] })
    const again = await ok<Tokens>(refresh(refreshed.refresh_token))
    expect(decodeJwt(again.access_token)).toMatchObject({ roles: [], scope: '' })
  })

  it('with a number out of range is malformed: it could not be kept', async () => {
    const { user } = await newPerson()
    for (const body of ['{"claims":{"a":1e999}}', '{"claims":{"a":[{"b":-1e999}]}}']) {
      expect(await refused(change(user.id, body))).toMatchObject({ status: 400, code: 'malformed_json' })
    }
    expect(await see(user.id)).toMatchObject({ claims: {} })
  })

  it('is logged with the operator and the account, and without a claim', async () => {
    const { user } = await newPerson()
    const operator = await newOperator()
    const lines: string[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
    const body = { claims: { secretive: 'a claim that no log may have' }, roles: ['hush'] }
    await ok(admin('PATCH', `/admin/users/${user.id}`, body, undefined, operator.access_token))
    await refused(change(user.id, { claims: { iss: 'a claim that no log may have', secretive: 1 } }))
    const fields = { method: 'PATCH', route: '/admin/users/:id' }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { ...fields, status: 200, admin: operator.user.id, account_id: user.id },
      { ...fields, status: 422, admin: 'admin_token' },
    ])
    expect(lines.join()).not.toMatch(/secretive|no log may have|hush/)
  })
})

describe('a fault', () => {
  it('of the telling is 503 with changed, and the same change again puts it into force', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('tell', { before: true })
    const refusal = await refused(change(user.id, { disabled: true }, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable', changed: true })
    expect(await see(user.id)).toMatchObject({ disabled: true })
    expect(await untold(user.id)).toBe(1)
    expect(await isAlive(access_token)).toBe(true)
    await changed(user.id, { disabled: true })
    expect(await isAlive(access_token)).toBe(false)
    expect(await untold(user.id)).toBe(0)
  })

  it('of the telling is made good by cron', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('tell', { before: true })
    await refused(change(user.id, { disabled: true }, workerWith(watched.bindings)))
    await runCron()
    expect(await isAlive(access_token)).toBe(false)
  })

  it('that loses the answer of the write is none: the row says that it took, once', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('batch', { after: true })
    const answer = change(user.id, { roles: ['editor'] }, workerWith(watched.bindings))
    expect(await ok(answer)).toMatchObject({ roles: ['editor'] })
    expect((await me(access_token)).roles).toEqual(['editor'])
  })

  it('of the write is 503 without changed, and nothing is half done', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('batch', { before: true })
    const refusal = await refused(change(user.id, { disabled: true }, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal.changed).toBeUndefined()
    expect(await see(user.id)).toEqual({ ...user, disabled: false })
    expect([await isAlive(access_token), await untold(user.id)]).toEqual([true, 0])
  })
})
