import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, newOperator } from '../support/admin.ts'
import { RESERVED_CLAIMS } from '../support/claims.ts'
import { isAlive, logIn, newPerson, ok, refresh, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant, pendingChanges, runCron } from '../support/database.ts'
import { changedUser, changeUser, profileOf, readUser, someAccount } from '../support/managed-users.ts'
import type { Tokens } from '../support/responses.ts'

/** Roles or scopes of 2,010 bytes as JSON. */
const LONG_NAMES = Array.from({ length: 30 }, (_none, index) => String(index).padStart(64, 'x'))
const LONE_SURROGATE = '\ud800'

beforeEach(() => freeze())
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** A value within this many nested lists. */
function nested(levels: number): unknown {
  return levels === 0 ? 'x' : [nested(levels - 1)]
}

describe('PATCH /admin/users/{id}', () => {
  it.each<[string, unknown, string[]]>([
    ['an unknown field', { disbaled: true }, ['disbaled']],
    ['an identifier', { email: 'ada@example.com' }, ['email']],
    ['a field named __proto__', '{"__proto__":{}}', ['__proto__']],
    ['null as disabled', { disabled: null }, ['disabled']],
    ['text as disabled', { disabled: 'true' }, ['disabled']],
    ['a number as disabled', { disabled: 1 }, ['disabled']],
    ...['roles', 'scopes'].flatMap((field): [string, unknown, string[]][] => [
      [`null as ${field}`, { [field]: null }, [field]],
      [`text as ${field}`, { [field]: 'editor' }, [field]],
      [`an object as ${field}`, { [field]: { 0: 'editor' } }, [field]],
      [`a number in ${field}`, { [field]: [1] }, [field]],
      [`a null in ${field}`, { [field]: [null] }, [field]],
      [`an empty name in ${field}`, { [field]: [''] }, [field]],
      [`a space in ${field}`, { [field]: ['a b'] }, [field]],
      [`a line break in ${field}`, { [field]: ['a\n'] }, [field]],
      [`a letter beyond ASCII in ${field}`, { [field]: ['é'] }, [field]],
      [`a lone surrogate in ${field}`, { [field]: [LONE_SURROGATE] }, [field]],
      [`a name of 65 characters in ${field}`, { [field]: ['x'.repeat(65)] }, [field]],
      [`two errors in ${field}`, { [field]: ['a', '/', 'b', ','] }, [field, field]],
    ]),
    ['null as claims', { claims: null }, ['claims']],
    ['text as claims', { claims: 'x' }, ['claims']],
    ['a list as claims', { claims: [] }, ['claims']],
    ['a claim with a lone surrogate', { claims: { a: LONE_SURROGATE } }, ['claims']],
    ['a claim with a nested lone surrogate', { claims: { a: [{ b: LONE_SURROGATE }] } }, ['claims']],
    [
      'a claim with a lone surrogate in a nested name',
      { claims: { a: { [LONE_SURROGATE]: 1 } } },
      ['claims'],
    ],
    ['a claim named by a lone surrogate', { claims: { [LONE_SURROGATE]: 1 } }, ['claims']],
    ['a claim with an unsafe integer', '{"claims":{"a":9007199254740993}}', ['claims']],
    ['a claim with an integer of 21 digits', '{"claims":{"a":[1e20]}}', ['claims']],
    ['claims of too many bytes', { claims: { a: 'x'.repeat(1_800) } }, ['claims']],
    ['claims of too many bytes in few characters', { claims: { a: '€'.repeat(600) } }, ['claims']],
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
      'an error in every field',
      { disabled: 0, roles: [' '], scopes: 'x', claims: { sub: 'x', iss: 'y' }, x: 1 },
      ['claims', 'claims', 'disabled', 'roles', 'scopes', 'x'],
    ],
  ])('rejects an account change with %s, and names every invalid field', async (_what, body, fields) => {
    const id = await someAccount()
    const before = await readUser(id)
    const problem = await refused(changeUser(id, body))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(problem.errors?.map(({ field }) => field).toSorted()).toEqual(fields)
    expect(await readUser(id)).toEqual(before)
  })

  it.each(RESERVED_CLAIMS)('rejects the reserved claim %s, also next to a valid one', async (name) => {
    const id = await someAccount()
    const before = await readUser(id)
    const problem = await refused(changeUser(id, { claims: { tenant: 'a', [name]: null } }))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'claims' }] })
    expect(problem.errors?.[0]?.message).toContain(name)
    expect(await readUser(id)).toEqual(before)
  })

  it('names the limit of 1,800 bytes when roles exceed it', async () => {
    const { errors } = await refused(changeUser(await someAccount(), { roles: LONG_NAMES }))
    expect(errors).toEqual([{ field: 'roles', message: expect.stringContaining('1,800 bytes') }])
  })

  it('limits roles, scopes and claims to 1,800 bytes together, unchanged parts included', async () => {
    const { user } = await newPerson()
    const claims = { note: 'ä'.repeat(400) }
    await changedUser(user.id, { claims })
    const roles = LONG_NAMES.slice(0, 14)
    expect(JSON.stringify({ roles, scopes: [], claims }).length + 400).toBeLessThanOrEqual(1_800)
    await changedUser(user.id, { roles })
    expect(await refused(changeUser(user.id, { scopes: LONG_NAMES.slice(0, 2) }))).toMatchObject({
      code: 'invalid_request',
      errors: [{ field: 'scopes' }],
    })
    expect(await changedUser(user.id, { scopes: ['read'] })).toMatchObject({
      roles,
      scopes: ['read'],
      claims,
    })
  })

  it('disables an account that already exceeds 1,800 bytes, and adds nothing to it', async () => {
    const { user } = await newPerson()
    await grant(user.id, { roles: ['editor'], claims: { note: 'x'.repeat(2_000) } })
    expect(await refused(changeUser(user.id, { roles: ['editor', 'author'] }))).toMatchObject({
      errors: [{ field: 'roles' }],
    })
    expect(await changedUser(user.id, { disabled: true })).toMatchObject({
      disabled: true,
      roles: ['editor'],
    })
    expect(await changedUser(user.id, { claims: {} })).toMatchObject({ roles: ['editor'], claims: {} })
  })

  it('never repeats a rejected value in its error', async () => {
    const secret = 'a value to be kept from logs'
    const body = { disabled: secret, roles: [secret], scopes: secret, claims: { a: secret + LONE_SURROGATE } }
    const problem = await refused(changeUser(await someAccount(), body))
    expect(JSON.stringify(problem)).not.toContain(secret)
  })

  it('accepts names of 64 characters with every allowed character, and stores duplicates once', async () => {
    const { user } = await newPerson()
    const longest = 'AZaz09:._-'.padEnd(64, 'x')
    const body = { roles: [longest, 'a', 'a'], scopes: ['a', longest, 'a'] }
    expect(await changedUser(user.id, body)).toMatchObject({ roles: [longest, 'a'], scopes: ['a', longest] })
  })

  it('accepts claims of every JSON type, and adds them to access tokens', async () => {
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
    expect((await changedUser(user.id, { claims })).claims).toEqual(claims)
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    expect(decodeJwt(access_token)).toMatchObject(claims)
    expect((await profileOf(access_token)).claims).toEqual(claims)
  })

  it('rejects or stores a claim named __proto__, and never drops a claim silently', async () => {
    const { user, refresh_token } = await newPerson()
    const response = await changeUser(user.id, '{"claims":{"__proto__":{"admin":true},"tenant":"a"}}')
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    expect(decodeJwt(access_token).admin).toBeUndefined()
    if (response.status === 422) return
    expect(Object.keys((await readUser(user.id)).claims)).toEqual(['__proto__', 'tenant'])
  })

  it('replaces the given fields of an account and leaves the rest', async () => {
    const { user, name } = await newPerson()
    await changedUser(user.id, { roles: ['editor', 'author'], scopes: ['read'], claims: { a: 1, b: 2 } })
    advance(60)
    const shown = {
      ...user,
      roles: ['editor', 'author'],
      scopes: ['read'],
      claims: { a: 1, b: 2 },
      disabled: false,
      updated_at: '2096-10-02T07:07:40Z',
    }
    expect(await changedUser(user.id, { roles: ['reader'] })).toEqual({ ...shown, roles: ['reader'] })
    expect(await changedUser(user.id, { scopes: [] })).toEqual({ ...shown, roles: ['reader'], scopes: [] })
    const last = { ...shown, roles: ['reader'], scopes: [], claims: { c: 3 } }
    expect(await changedUser(user.id, { claims: { c: 3 } })).toEqual(last)
    expect(await readUser(user.id)).toEqual(last)
    expect((await ok<Tokens>(logIn(name))).user).toMatchObject({ roles: ['reader'], claims: { c: 3 } })
  })

  it('changes nothing and calls no Durable Object for an empty account change', async () => {
    const { user } = await newPerson()
    const watched = watch()
    advance(60)
    const response = changeUser(user.id, {}, workerWith(watched.bindings))
    expect(await ok(response)).toEqual({ ...user, disabled: false })
    expect(watched.counts.rpc).toBe(0)
    expect(await pendingChanges(user.id)).toBe(0)
  })

  it('applies new roles and scopes to GET /auth/me at once, and to tokens with the next refresh', async () => {
    const { user, access_token, refresh_token } = await newPerson()
    await changedUser(user.id, { roles: ['editor'], scopes: ['read', 'admin'] })
    expect(await profileOf(access_token)).toMatchObject({ roles: ['editor'], scopes: ['read', 'admin'] })
    const refreshed = await ok<Tokens>(refresh(refresh_token))
    expect(refreshed.user).toMatchObject({ roles: ['editor'], scopes: ['read', 'admin'] })
    expect(decodeJwt(refreshed.access_token)).toMatchObject({ roles: ['editor'], scope: 'read' })
    await changedUser(user.id, { roles: [], scopes: [] })
    const again = await ok<Tokens>(refresh(refreshed.refresh_token))
    expect(decodeJwt(again.access_token)).toMatchObject({ roles: [], scope: '' })
  })

  it('answers 400 to a claim with a number out of range, which could not be stored', async () => {
    const { user } = await newPerson()
    for (const body of ['{"claims":{"a":1e999}}', '{"claims":{"a":[{"b":-1e999}]}}']) {
      expect(await refused(changeUser(user.id, body))).toMatchObject({ status: 400, code: 'malformed_json' })
    }
    expect(await readUser(user.id)).toMatchObject({ claims: {} })
  })

  it('logs an account change with operator and account, and without roles and claims', async () => {
    const { user } = await newPerson()
    const operator = await newOperator()
    const lines: string[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
    const body = { claims: { secretive: 'a claim that no log may have' }, roles: ['hush'] }
    await ok(admin('PATCH', `/admin/users/${user.id}`, body, undefined, operator.access_token))
    await refused(changeUser(user.id, { claims: { iss: 'a claim that no log may have', secretive: 1 } }))
    const fields = { method: 'PATCH', route: '/admin/users/:id' }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { ...fields, status: 200, actor: operator.user.id, account_id: user.id },
      { ...fields, status: 422, actor: 'admin_token' },
    ])
    expect(lines.join()).not.toMatch(/secretive|no log may have|hush/)
  })
})

describe('an error during a change', () => {
  it('answers 503 with changed: true when the state cannot be published, and publishes it when the change is repeated', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('applyState', { before: true })
    const refusal = await refused(changeUser(user.id, { disabled: true }, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable', changed: true })
    expect(await readUser(user.id)).toMatchObject({ disabled: true })
    expect(await pendingChanges(user.id)).toBe(1)
    expect(await isAlive(access_token)).toBe(true)
    await changedUser(user.id, { disabled: true })
    expect(await isAlive(access_token)).toBe(false)
    expect(await pendingChanges(user.id)).toBe(0)
  })

  it('publishes the pending state of a disabled account with cron', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('applyState', { before: true })
    await refused(changeUser(user.id, { disabled: true }, workerWith(watched.bindings)))
    await runCron()
    expect(await isAlive(access_token)).toBe(false)
  })

  it('completes an account change when only the result of the write is lost', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('batch', { after: true })
    const response = changeUser(user.id, { roles: ['editor'] }, workerWith(watched.bindings))
    expect(await ok(response)).toMatchObject({ roles: ['editor'] })
    expect((await profileOf(access_token)).roles).toEqual(['editor'])
  })

  it('answers 503 without changed when the write fails, and changes nothing', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('batch', { before: true })
    const refusal = await refused(changeUser(user.id, { disabled: true }, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal.changed).toBeUndefined()
    expect(await readUser(user.id)).toEqual({ ...user, disabled: false })
    expect([await isAlive(access_token), await pendingChanges(user.id)]).toEqual([true, 0])
  })
})
