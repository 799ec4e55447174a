/** What operators and cron do: changes of accounts and settings, and the delivery of the outbox. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it } from 'vitest'
import { deliverOutbox } from '../../../src/actions/account/deliver-outbox.ts'
import { getAccount, manageAccount } from '../../../src/actions/admin/manage-account.ts'
import { changeSettings, endEverySession } from '../../../src/actions/admin/manage-settings.ts'
import { grant, pendingChanges } from '../../support/database.ts'
import { resetSettings } from '../../support/limits.ts'
import { lines } from '../../support/log.ts'
import {
  deploy,
  once,
  refusalOf,
  setUpUseCases,
  storeAccount,
  storedAccount,
  unavailable,
} from '../../support/use-case.ts'

setUpUseCases()
afterEach(() => env.DB.exec('DELETE FROM outbox'))

const ADMIN = { kind: 'admin_token' } as const

/** A stored account with a session, and a request of an operator. */
async function managed() {
  const deployment = await deploy()
  const account = await storeAccount()
  const actor = await deployment.actorOf(account)
  deployment.trips.length = 0
  return { deployment, account, actor, ...deployment.requestBy(ADMIN) }
}

describe('a change of an account by an operator', () => {
  it('reads the primary, writes, publishes, then removes its event', async () => {
    const { deployment, account, ctx, finish } = await managed()
    expect(await manageAccount(ctx, account.id, { roles: ['staff'] })).toMatchObject({ roles: ['staff'] })
    await finish()
    expect(deployment.trips).toEqual(['find/primary', 'replace', 'applyState', 'clear outbox'])
    expect(await pendingChanges(account.id)).toBe(0)
  })

  it('only reads the account if nothing is to change', async () => {
    const { deployment, account, ctx } = await managed()
    const profile = await getAccount(ctx, account.id)
    expect(await manageAccount(ctx, account.id, { roles: undefined })).toEqual(profile)
    expect(deployment.trips).toEqual(['find/primary', 'find/primary'])
  })

  it.each([
    ['an id of no account', '03a352eb-ffff-7000-8000-000000000000', ['find/primary']],
    ['text that is no id', 'ada', []],
  ])('reports %s as not found', async (_what, id, trips) => {
    const { deployment, ctx } = await managed()
    expect(await refusalOf(manageAccount(ctx, id, { disabled: true }))).toMatchObject({ code: 'not_found' })
    expect(deployment.trips).toEqual(trips)
  })

  it('ends all sessions of an account that it disables', async () => {
    const { deployment, account, ctx } = await managed()
    await manageAccount(ctx, account.id, { disabled: true })
    expect(await deployment.objectOf(account.id).list({ sessionsNotBeforeMs: 0 })).toEqual([])
  })

  it('writes nothing that a token cannot contain, but still disables such an account', async () => {
    const { deployment, account, ctx } = await managed()
    const claims = { text: 'x'.repeat(10_000) }
    const { code, members } = await refusalOf(manageAccount(ctx, account.id, { claims }))
    expect([code, members.errors?.map(({ field }) => field)]).toEqual(['invalid_request', ['claims']])
    expect(deployment.trips).toEqual(['find/primary'])
    const long = await storeAccount({ claims })
    expect(await manageAccount(ctx, long.id, { disabled: true })).toMatchObject({ disabled: true })
  })

  it('keeps the members of a concurrent change that it does not set', async () => {
    const { deployment, account, ctx } = await managed()
    const other = deployment.requestBy(ADMIN).ctx
    deployment.before(
      'replace',
      once(() => manageAccount(other, account.id, { scopes: ['reports'] })),
    )
    await manageAccount(ctx, account.id, { roles: ['staff'] })
    expect(await storedAccount(account)).toMatchObject({ roles: ['staff'], scopes: ['reports'] })
  })

  it.each([
    ['stored but not published', 'applyState', { changed: true }, 1],
    ['not stored', 'replace', {}, 0],
  ])('reports a change that is %s', async (_what, trip, members, pending) => {
    const { deployment, account, ctx } = await managed()
    deployment.before(trip, unavailable)
    const error = await refusalOf(manageAccount(ctx, account.id, { roles: ['staff'] }))
    expect([error.code, error.members]).toEqual(['unavailable', members])
    expect(await pendingChanges(account.id)).toBe(pending)
  })

  it('keeps a change whose event cannot be removed, and logs it', async () => {
    const { deployment, account, ctx, finish } = await managed()
    deployment.before('clear outbox', unavailable)
    await manageAccount(ctx, account.id, { roles: ['staff'] })
    await finish()
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ level: 'warn', event: 'outbox_row_pending' })
    expect(await pendingChanges(account.id)).toBe(1)
  })
})

describe('a change of the settings', () => {
  afterEach(resetSettings)

  const changes = async () =>
    (await env.DB.prepare('SELECT changed_by FROM settings_changes ORDER BY id').all()).results

  it('records who made it, and logs the names of its fields without their values', async () => {
    const { deployment, account, actor, ctx, fields } = await managed()
    const change = {
      registration_open: false,
      registration_allow: { emails: ['ada@example.com'] },
      rules: { login_failures_per_ip: { threshold: 7, action: undefined } },
    }
    expect(await changeSettings(ctx, change)).toMatchObject({ updatedBy: 'admin_token' })
    expect(fields()).toEqual({
      fields: ['registration_open', 'registration_allow.emails', 'rules.login_failures_per_ip.threshold'],
    })
    const own = deployment.requestBy(actor).ctx
    expect(await changeSettings(own, { registration_open: true })).toMatchObject({ updatedBy: account.id })
    await endEverySession(ctx)
    expect(await changes()).toEqual(
      ['admin_token', account.id, 'admin_token'].map((changed_by) => ({ changed_by })),
    )
  })

  it('records nothing for a change of nothing', async () => {
    const { ctx } = await managed()
    expect(await changeSettings(ctx, { rules: {} })).toMatchObject({ updatedBy: null })
    expect(await changes()).toEqual([])
  })

  it('applies in its isolate at once: the sessions that began before are ended', async () => {
    const { deployment, actor, ctx } = await managed()
    await endEverySession({ ...ctx, nowMs: ctx.nowMs + 1 })
    const { sessionsNotBeforeMs } = await deployment.services.settings.current(ctx)
    expect(sessionsNotBeforeMs).toBeGreaterThan(actor.session.createdAt)
  })
})

describe('a delivery of the outbox', () => {
  const insertEvent = (accountId: string, { kind = 'account_state', attempts = 0 } = {}) =>
    env.DB.prepare('INSERT INTO outbox (account_id, kind, data, attempts, due_at) VALUES (?1, ?2, 1, ?3, 0)')
      .bind(accountId, kind, attempts)
      .run()

  const cron = async () => {
    const deployment = await deploy()
    return { deployment, ...deployment.requestBy({ kind: 'cron' }) }
  }

  const events = () => lines.map((line) => JSON.parse(line)).map(({ level, event }) => `${level} ${event}`)

  it('reads all accounts at once, publishes each once, and removes all events at once', async () => {
    const accounts = [await storeAccount(), await storeAccount()]
    for (const { id } of accounts) await grant(id, { roles: ['staff'] })
    const [first] = accounts
    await grant(first?.id ?? '', { roles: ['boss'] })
    await env.DB.exec('UPDATE outbox SET due_at = 0')
    const { deployment, ctx } = await cron()
    await deliverOutbox(ctx)
    expect(deployment.trips).toEqual(['claim', 'find all', 'applyState', 'applyState', 'clear outbox'])
    expect(await Promise.all(accounts.map(({ id }) => pendingChanges(id)))).toEqual([0, 0])
  })

  it('publishes an account that no longer exists as deleted', async () => {
    const { deployment, ctx } = await cron()
    const account = await storeAccount()
    await deployment.actorOf(account)
    await env.DB.prepare('DELETE FROM accounts WHERE id = ?1').bind(account.id).run()
    await env.DB.prepare('INSERT INTO outbox (account_id, kind, data, due_at) VALUES (?1, ?2, ?3, 0)')
      .bind(account.id, 'account_state', String(account.credentialVersion + 1))
      .run()
    await deliverOutbox(ctx)
    expect(await deployment.objectOf(account.id).list({ sessionsNotBeforeMs: 0 })).toEqual([])
    expect(await pendingChanges(account.id)).toBe(0)
  })

  it('keeps the events that it cannot deliver, delivers the others, and logs one line', async () => {
    const { deployment, ctx } = await cron()
    const accounts = [await storeAccount(), await storeAccount(), await storeAccount()]
    for (const { id } of accounts) await insertEvent(id)
    deployment.before('applyState', once(unavailable))
    await deliverOutbox(ctx)
    const pending = await Promise.all(accounts.map(({ id }) => pendingChanges(id)))
    expect(pending.toSorted()).toEqual([0, 0, 1])
    expect(events()).toEqual(['warn outbox_delivery_failed'])
  })

  it('logs each event whose last attempt of the schedule failed', async () => {
    const { deployment, ctx } = await cron()
    for (const attempts of [3, 4, 4]) await insertEvent((await storeAccount()).id, { attempts })
    deployment.before('applyState', unavailable)
    await deliverOutbox(ctx)
    expect(events()).toEqual([
      'error outbox_event_overdue',
      'error outbox_event_overdue',
      'warn outbox_delivery_failed',
    ])
  })

  it('keeps an event of a kind that it does not know', async () => {
    const { deployment, ctx } = await cron()
    const { id } = await storeAccount()
    await insertEvent(id, { kind: 'of a later release' })
    await deliverOutbox(ctx)
    expect(deployment.trips).toEqual(['claim'])
    expect(await pendingChanges(id)).toBe(1)
  })

  it('removes no event if the accounts cannot be read', async () => {
    const { deployment, ctx } = await cron()
    const { id } = await storeAccount()
    await insertEvent(id)
    deployment.before('find all', unavailable)
    expect(await refusalOf(deliverOutbox(ctx))).toMatchObject({ code: 'unavailable' })
    expect(await pendingChanges(id)).toBe(1)
  })
})
