import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import {
  call,
  changePassword,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { disable, grant, pendingChanges, runCron } from '../support/database.ts'
import type { Tokens } from '../support/responses.ts'

const versionOf = (id: string) =>
  env.DB.prepare('SELECT credential_version AS v FROM accounts WHERE id = ?1').bind(id).first<number>('v')

describe('an unpublished change of an account', () => {
  it('publishes a pending change of an account at the next login', async () => {
    const { name, user, refresh_token } = await newPerson()
    await grant(user.id, { roles: ['editor'], scopes: ['read'] })
    expect((await ok<Tokens>(refresh(refresh_token))).user.roles).toEqual([])
    expect((await ok<Tokens>(logIn(name))).user).toMatchObject({ roles: ['editor'], scopes: ['read'] })
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    const me = await ok(call('GET', '/auth/me', { bearer: access_token }))
    expect(me).toMatchObject({ roles: ['editor'], scopes: ['read'] })
  })

  it('publishes a pending change of an account by cron once', async () => {
    const { user, access_token } = await newPerson()
    await disable(user.id)
    expect(await pendingChanges(user.id)).toBe(1)
    expect(await isAlive(access_token)).toBe(true)
    await runCron()
    expect(await pendingChanges(user.id)).toBe(0)
    expect(await isAlive(access_token)).toBe(false)
    const watched = watch()
    await runCron({ ...env, ...watched.bindings })
    expect(watched.counts.rpc).toBe(0)
  })

  it('keeps a change pending while the account object is unavailable, without delaying other accounts', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    await disable(one.user.id)
    await disable(other.user.id)
    const watched = watch()
    watched.fail('applyState', { before: true })
    await runCron({ ...env, ...watched.bindings })
    expect(watched.counts.rpc).toBe(2)
    expect([await pendingChanges(one.user.id), await pendingChanges(other.user.id)]).toEqual([1, 1])
    await runCron()
    expect([await pendingChanges(one.user.id), await pendingChanges(other.user.id)]).toEqual([0, 0])
  })

  it('deletes outbox rows only up to the published version', async () => {
    const { user } = await newPerson()
    await grant(user.id, { scopes: ['read'] })
    const told = await versionOf(user.id)
    const later = `INSERT INTO outbox (account_id, kind, data) VALUES (?1, 'account_state', ?2)`
    await env.DB.prepare(later)
      .bind(user.id, String(Number(told) + 1_000))
      .run()
    await runCron()
    expect(await pendingChanges(user.id)).toBe(1)
  })
})

describe('an unpublished change of the password', () => {
  it.each([
    ['a login', (name: string) => ok(logIn(name, NEW_PASSWORD))],
    ['cron', () => runCron()],
  ])('revokes refresh tokens of all sessions when %s publishes a new password', async (_who, tell) => {
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    const watched = watch()
    watched.fail('applyState', { before: true })
    const refusal = await refused(changePassword(person.access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ code: 'unavailable', changed: true })
    await tell(person.name)
    expect(await isAlive(person.access_token)).toBe(true)
    expect(await isAlive(other.access_token)).toBe(false)
    for (const { refresh_token } of [person, other]) {
      expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    }
  })

  it('applies a change of the password if only the result of publishing it was lost', async () => {
    const person = await newPerson()
    const watched = watch()
    watched.fail('applyState', { after: true })
    const refusal = await refused(changePassword(person.access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ code: 'unavailable', changed: true })
    expect(await refused(refresh(person.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    await ok(logIn(person.name, NEW_PASSWORD))
  })
})

describe('a login whose result was lost', () => {
  it('leaves no session behind if the result of opening it was lost', async () => {
    const { name, access_token } = await newPerson()
    const watched = watch()
    watched.fail('open', { after: true })
    const refusal = await refused(logIn(name, PASSWORD, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    const { sessions } = await ok<{ sessions: readonly object[] }>(
      call('GET', '/auth/sessions', { bearer: access_token }),
    )
    expect(sessions).toHaveLength(1)
  })

  it('answers 503 to a login while the account object is unavailable', async () => {
    const { name } = await newPerson()
    const watched = watch()
    watched.fail('open', { before: true })
    watched.fail('end', { before: true })
    const refusal = await refused(logIn(name, PASSWORD, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
  })
})

describe('the credential version', () => {
  it('raises the credential version with every change, above the time in milliseconds and the previous version', async () => {
    const { user, access_token } = await newPerson()
    const first = Number(await versionOf(user.id))
    const beforeMs = Date.now()
    const rename = () =>
      ok(
        call('PATCH', '/auth/me', {
          bearer: access_token,
          body: { username: newName(), current_password: PASSWORD },
        }),
      )
    await rename()
    const second = Number(await versionOf(user.id))
    expect(second).toBeGreaterThan(first)
    expect(second).toBeGreaterThanOrEqual(beforeMs)
    const future = 'UPDATE accounts SET credential_version = 8000000000000 WHERE id = ?1'
    await env.DB.prepare(future).bind(user.id).run()
    await rename()
    expect(await versionOf(user.id)).toBe(8_000_000_000_001)
  })

  it('accepts a credential version that a restored database has lowered, after a read of the primary', async () => {
    const { name, user, access_token } = await newPerson()
    const lower = 'UPDATE accounts SET credential_version = 1000, sessions_not_before = 1000 WHERE id = ?1'
    await env.DB.prepare(lower).bind(user.id).run()
    const { access_token: after } = await ok<Tokens>(logIn(name))
    expect(await isAlive(after)).toBe(true)
    expect(await isAlive(access_token)).toBe(true)
  })
})
