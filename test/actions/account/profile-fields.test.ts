/** Changes of profile fields: without a password and a counter if they are alone, in one batch with identifiers if they are not. */
import { describe, expect, it } from 'vitest'
import { type Account, NO_PROFILE_FIELDS } from '../../../src/accounts/account.ts'
import { parseUsername } from '../../../src/accounts/identifier.ts'
import { changeIdentifiers, changeProfileFields } from '../../../src/actions/account/change-account.ts'
import { manageAccount } from '../../../src/actions/admin/manage-account.ts'
import { newName, PASSWORD } from '../../support/client.ts'
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

const FIELDS = {
  name: 'Ada Lovelace',
  picture: 'https://example.com/ada.png',
  locale: 'en-GB',
  zoneinfo: 'Europe/London',
}
const confirmed = (password = PASSWORD) => ({ password, challenge: undefined })
const newUsername = () => parseUsername(newName())

async function loggedIn(changes?: Partial<Account>) {
  const deployment = await deploy()
  const account = await storeAccount(changes)
  const actor = await deployment.actorOf(account)
  deployment.trips.length = 0
  return { deployment, account, actor, ...deployment.requestBy(actor) }
}

describe('a change of profile fields', () => {
  it('reads the primary, writes and publishes, without a password and without a counter', async () => {
    const { deployment, ctx, finish, fields, account } = await loggedIn()
    expect(await derivationsOf(() => changeProfileFields(ctx, FIELDS))).toBe(0)
    await finish()
    expect(deployment.trips).toEqual(['find/primary', 'replace', 'applyState', 'clear outbox'])
    expect(fields()).toEqual({ fields: ['name', 'picture', 'locale', 'zoneinfo'] })
    expect(await storedAccount(account)).toMatchObject(FIELDS)
    expect(await pendingChanges(account.id)).toBe(0)
  })

  it('sets some, clears those that are null and leaves the rest', async () => {
    const { ctx } = await loggedIn(FIELDS)
    const changed = await changeProfileFields(ctx, { name: 'Countess', picture: null, locale: undefined })
    expect(changed).toMatchObject({ ...FIELDS, name: 'Countess', picture: null })
  })

  it('ends no session, and keeps the password and verified addresses', async () => {
    const { deployment, ctx, account } = await loggedIn({
      email: `${newName()}@example.com`,
      emailVerified: true,
    })
    await deployment.actorOf(account)
    await changeProfileFields(ctx, FIELDS)
    expect(await deployment.objectOf(account.id).list({ sessionsNotBeforeMs: 0 })).toHaveLength(2)
    const { passwordHash, sessionsNotBefore } = account
    expect(await storedAccount(account)).toMatchObject({
      passwordHash,
      sessionsNotBefore,
      emailVerified: true,
    })
  })

  it('publishes the state again without a write if nothing differs', async () => {
    const { deployment, ctx, finish } = await loggedIn(FIELDS)
    await changeProfileFields(ctx, { ...FIELDS })
    await finish()
    expect(deployment.trips).toEqual(['find/primary', 'applyState', 'clear outbox'])
    deployment.before('applyState', unavailable)
    expect(await refusalOf(changeProfileFields(ctx, { ...FIELDS }))).toMatchObject({
      code: 'unavailable',
      members: {},
    })
  })

  it('keeps both of two concurrent changes of different fields', async () => {
    const { deployment, ctx, actor, account } = await loggedIn()
    const other = deployment.requestBy(actor).ctx
    deployment.before(
      'replace',
      once(() => changeProfileFields(other, { zoneinfo: FIELDS.zoneinfo })),
    )
    expect(await changeProfileFields(ctx, { name: FIELDS.name })).toMatchObject({ name: FIELDS.name })
    const both = { ...NO_PROFILE_FIELDS, name: FIELDS.name, zoneinfo: FIELDS.zoneinfo }
    expect(await storedAccount(account)).toMatchObject(both)
    const query = { sessionId: actor.session.id, sessionsNotBeforeMs: 0 }
    expect(await deployment.objectOf(account.id).check(query)).toMatchObject({ profile: both })
  })

  it('keeps both a name and a concurrent change by an operator', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const admin = deployment.requestBy({ kind: 'admin_token' }).ctx
    deployment.before(
      'replace',
      once(() => manageAccount(admin, account.id, { roles: ['staff'] })),
    )
    await changeProfileFields(ctx, { name: FIELDS.name })
    expect(await storedAccount(account)).toMatchObject({ name: FIELDS.name, roles: ['staff'] })
  })

  it('refuses a change of an account that was disabled after the token was checked', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const admin = deployment.requestBy({ kind: 'admin_token' }).ctx
    deployment.before(
      'find/primary',
      once(() => manageAccount(admin, account.id, { disabled: true })),
    )
    expect(await refusalOf(changeProfileFields(ctx, FIELDS))).toMatchObject({ code: 'account_disabled' })
    expect(await storedAccount(account)).toMatchObject(NO_PROFILE_FIELDS)
  })

  it('refuses a change of an account that was deleted after the token was checked', async () => {
    const { deployment, ctx, account } = await loggedIn()
    const { accounts } = deployment.services
    deployment.before(
      'find/primary',
      once(() => accounts.remove(account)),
    )
    expect(await refusalOf(changeProfileFields(ctx, FIELDS))).toMatchObject({ code: 'invalid_token' })
    expect(await storedAccount(account)).toBeNull()
  })

  it('changes nothing if the write fails, and reports a change that is stored but not published', async () => {
    const { deployment, ctx, account } = await loggedIn()
    deployment.before('replace', unavailable)
    expect(await refusalOf(changeProfileFields(ctx, FIELDS))).toMatchObject({
      code: 'unavailable',
      members: {},
    })
    expect(await storedAccount(account)).toEqual(account)
    deployment.mend()
    deployment.before('applyState', unavailable)
    expect(await refusalOf(changeProfileFields(ctx, FIELDS))).toMatchObject({
      code: 'unavailable',
      members: { changed: true },
    })
    expect(await storedAccount(account)).toMatchObject(FIELDS)
    expect(await pendingChanges(account.id)).toBe(1)
  })
})

describe('a change of identifiers and profile fields', () => {
  it('is one write', async () => {
    const { deployment, ctx, fields, account } = await loggedIn()
    const username = newUsername()
    await changeIdentifiers(ctx, confirmed(), { username, ...FIELDS })
    expect(deployment.trips.filter((trip) => trip === 'replace')).toHaveLength(1)
    expect(fields()).toMatchObject({ fields: ['username', 'name', 'picture', 'locale', 'zoneinfo'] })
    expect(await storedAccount(account)).toMatchObject({ username: username?.shown, ...FIELDS })
  })

  it('sets neither if the password is incorrect', async () => {
    const { ctx, account } = await loggedIn()
    const changed = changeIdentifiers(ctx, confirmed(WRONG), { username: newUsername(), ...FIELDS })
    expect(await refusalOf(changed)).toMatchObject({ code: 'invalid_credentials' })
    expect(await storedAccount(account)).toEqual(account)
  })

  it('sets neither if the identifier is taken', async () => {
    const other = await storeAccount()
    const { ctx, account } = await loggedIn()
    const username = parseUsername(other.username ?? '')
    const changed = changeIdentifiers(ctx, confirmed(), { username, ...FIELDS })
    expect(await refusalOf(changed)).toMatchObject({ code: 'identifier_taken' })
    expect(await storedAccount(account)).toEqual(account)
  })
})
