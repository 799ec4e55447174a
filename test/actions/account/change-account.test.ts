/** Changes to one's own account: the password is settled before the write, and the state is published after it. */
import { describe, expect, it } from 'vitest'
import type { Account } from '../../../src/accounts/account.ts'
import { parseEmail } from '../../../src/accounts/identifier.ts'
import {
  changeIdentifiers,
  changePassword,
  confirmPassword,
  deleteOwnAccount,
} from '../../../src/actions/account/change-account.ts'
import { manageAccount } from '../../../src/actions/admin/manage-account.ts'
import type { AccountContext } from '../../../src/actions/request-context.ts'
import { verifyPassword } from '../../../src/passwords/pbkdf2.ts'
import { NEW_PASSWORD, newName, PASSWORD } from '../../support/client.ts'
import { pendingChanges } from '../../support/database.ts'
import { WRONG } from '../../support/requester.ts'
import {
  deploy,
  derivationsOf,
  once,
  refusalOf,
  setUpUseCases,
  storeAccount,
  storedAccount,
  unavailable,
} from '../../support/use-case.ts'

setUpUseCases()

const confirmed = (password = PASSWORD) => ({ password, challenge: undefined })

const setEmail = (ctx: AccountContext, password?: string) =>
  changeIdentifiers(ctx, confirmed(password), { email: parseEmail(`${newName()}@example.com`) })
const clearEmail = (ctx: AccountContext, password?: string) =>
  changeIdentifiers(ctx, confirmed(password), { email: null })
const setPassword = (ctx: AccountContext, password?: string) =>
  changePassword(ctx, confirmed(password), NEW_PASSWORD)
const remove = (ctx: AccountContext, password?: string) => deleteOwnAccount(ctx, confirmed(password))

const CHANGES = [
  ['a new identifier', setEmail, 'replace'],
  ['a cleared identifier', clearEmail, 'replace'],
  ['a new password', setPassword, 'replace'],
  ['the deletion', remove, 'remove'],
] as const

/** An account that is logged in. */
async function loggedIn(changes?: Partial<Account>) {
  const deployment = await deploy()
  const account = await storeAccount({ email: `${newName()}@example.com`, ...changes })
  const actor = await deployment.actorOf(account)
  deployment.trips.length = 0
  return { deployment, account, actor, ...deployment.requestBy(actor) }
}

const RESERVED = ['reserve@address', 'find/primary', 'reserve@identifier']
const CLEARED = ['settle@identifier cleared', 'settle@address cleared']
const COUNTED = ['settle@identifier counted', 'settle@address counted']

describe('the round trips of a change', () => {
  it.each(CHANGES.slice(1))(
    'reads the primary beside the reservation, settles the password, writes %s, then publishes it',
    async (_what, make, write) => {
      const { deployment, ctx, finish, account } = await loggedIn()
      await make(ctx)
      await finish()
      expect(deployment.trips).toEqual([...RESERVED, ...CLEARED, write, 'applyState', 'clear outbox'])
      expect(await pendingChanges(account.id)).toBe(0)
    },
  )

  it('counts a new identifier as a registration once it is written, and settles the password before', async () => {
    const { deployment, ctx, finish } = await loggedIn()
    await setEmail(ctx)
    await finish()
    expect(deployment.trips).toEqual([
      'reserve@address',
      ...RESERVED,
      ...CLEARED,
      'replace',
      'settle@address counted',
      'applyState',
      'clear outbox',
    ])
    expect((await deployment.counterOf(ctx)).state('registrations_per_ip').tally.events).toHaveLength(1)
  })

  it.each(CHANGES)(
    'writes nothing and counts a failed login if the password is incorrect: %s',
    async (_what, make) => {
      const { deployment, ctx, finish, account } = await loggedIn()
      expect(await derivationsOf(() => make(ctx, WRONG))).toBe(1)
      await finish()
      const settled = deployment.trips.filter((trip) => trip.startsWith('settle'))
      expect(settled.slice(0, 2)).toEqual(COUNTED)
      expect(settled.slice(2).every((trip) => trip === 'settle@address released')).toBe(true)
      expect(deployment.trips).not.toContain('applyState')
      expect(await storedAccount(account)).toEqual(account)
    },
  )

  it.each(CHANGES)('writes nothing if the correct password cannot be settled: %s', async (_what, make) => {
    const { deployment, ctx, account } = await loggedIn()
    deployment.before('settle@address cleared', unavailable)
    expect(await refusalOf(make(ctx))).toMatchObject({ code: 'unavailable', members: {} })
    expect(await storedAccount(account)).toEqual(account)
  })

  it.each(CHANGES)(
    'reports a change that is stored but not published, and keeps its event: %s',
    async (_what, make) => {
      const { deployment, ctx, account } = await loggedIn()
      deployment.before('applyState', unavailable)
      expect(await refusalOf(make(ctx))).toMatchObject({ code: 'unavailable', members: { changed: true } })
      expect(await storedAccount(account)).not.toEqual(account)
      expect(await pendingChanges(account.id)).toBe(1)
    },
  )

  it('confirms a password without a write', async () => {
    const { deployment, ctx } = await loggedIn()
    await confirmPassword(ctx, confirmed())
    expect(deployment.trips).toEqual([...RESERVED, ...CLEARED])
  })
})

describe('a change of identifiers', () => {
  it('publishes the state again, but reports no change, if no identifier differs', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const email = parseEmail(account.email ?? '')
    const same = () => changeIdentifiers(ctx, confirmed(), { email })
    expect((await same()).email).toBe(account.email)
    expect(deployment.trips).not.toContain('replace')
    expect(deployment.trips).toContain('applyState')
    deployment.before('applyState', unavailable)
    expect((await refusalOf(same())).members).toEqual({})
  })

  it('calls no counter for a change that would leave no identifier', async () => {
    const { deployment, ctx } = await loggedIn()
    const { code, members } = await refusalOf(
      changeIdentifiers(ctx, confirmed(), { username: null, email: null }),
    )
    expect([code, members.errors?.map(({ field }) => field)]).toEqual([
      'invalid_request',
      ['username', 'email'],
    ])
    expect(deployment.trips).toEqual([])
  })

  it('counts a taken identifier as a registration', async () => {
    const other = await storeAccount({ email: `${newName()}@example.com` })
    const { deployment, ctx, finish } = await loggedIn()
    const taken = changeIdentifiers(ctx, confirmed(), { email: parseEmail(other.email ?? '') })
    expect(await refusalOf(taken)).toMatchObject({ code: 'identifier_taken', members: { field: 'email' } })
    await finish()
    expect(deployment.trips.at(-1)).toBe('settle@address counted')
  })

  it('logs the names of the changed fields', async () => {
    const { ctx, fields } = await loggedIn()
    await clearEmail(ctx)
    expect(fields().fields).toEqual(['email'])
  })
})

describe('two concurrent changes', () => {
  it('applies a change after a concurrent one of other fields, with one derivation', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const admin = deployment.requestBy({ kind: 'admin_token' }).ctx
    const manage = () => manageAccount(admin, account.id, { roles: ['staff'] })
    deployment.before('replace', once(manage))
    expect(await derivationsOf(() => clearEmail(ctx))).toBe(1)
    expect(await storedAccount(account)).toMatchObject({ email: null, roles: ['staff'] })
    expect(deployment.trips.filter((trip) => trip.startsWith('settle'))).toEqual(CLEARED)
  })

  it('refuses a change of the password after a concurrent one, whose password it then has to know', async () => {
    const { deployment, ctx, actor, account } = await loggedIn()
    const other = deployment.requestBy(actor).ctx
    const otherPassword = 'the passphrase of the other change'
    deployment.before(
      'replace',
      once(() => changePassword(other, confirmed(), otherPassword)),
    )
    expect(await refusalOf(setPassword(ctx))).toMatchObject({ code: 'invalid_credentials' })
    const hash = (await storedAccount(account))?.passwordHash ?? ''
    expect(await verifyPassword(otherPassword, hash, null)).toMatchObject({ match: true })
    const settled = deployment.trips.filter((trip) => trip.startsWith('settle'))
    expect(settled).toEqual([...CLEARED, ...CLEARED])
  })

  it('refuses a deletion after a concurrent change of the password', async () => {
    const { deployment, ctx, actor, account } = await loggedIn()
    const other = deployment.requestBy(actor).ctx
    deployment.before(
      'remove',
      once(() => setPassword(other)),
    )
    expect(await refusalOf(remove(ctx))).toMatchObject({ code: 'invalid_credentials' })
    expect(await storedAccount(account)).not.toBe(null)
  })

  it('stops after 10 tries while the account keeps changing', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const admin = deployment.requestBy({ kind: 'admin_token' }).ctx
    let changing = false
    deployment.before('remove', async () => {
      if (changing) return
      changing = true
      await manageAccount(admin, account.id, { roles: ['staff'] })
      changing = false
    })
    expect(await refusalOf(remove(ctx))).toMatchObject({ code: 'unavailable', members: {} })
    expect(deployment.trips.filter((trip) => trip === 'remove')).toHaveLength(10)
  })
})

describe('a change of the password', () => {
  it('ends all sessions but that of the request', async () => {
    const { deployment, ctx, actor, account } = await loggedIn()
    await deployment.actorOf(account)
    const changed = await setPassword(ctx)
    const left = await deployment.objectOf(account.id).list({ sessionsNotBeforeMs: 0 })
    expect(left.map(({ id }) => id)).toEqual([actor.session.id])
    expect(changed.session.id).toBe(actor.session.id)
  })

  it('checks the new password before it calls a counter', async () => {
    const { deployment, ctx } = await loggedIn()
    expect(await refusalOf(changePassword(ctx, confirmed(WRONG), 'short'))).toMatchObject({
      code: 'weak_password',
    })
    expect(deployment.trips).toEqual([])
  })

  it('reports that the password is changed if the session of the request has ended since', async () => {
    const { deployment, ctx, actor, account } = await loggedIn()
    const policy = deployment.services.config.sessions
    const end = () => deployment.objectOf(account.id).end({ sessionId: actor.session.id, policy })
    deployment.before('replace', once(end))
    expect(await refusalOf(setPassword(ctx))).toMatchObject({
      code: 'unavailable',
      members: { changed: true },
    })
  })
})
