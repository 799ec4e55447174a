/** Registration: what is checked before what, what counts, and what a failure leaves behind. */
import { describe, expect, it } from 'vitest'
import { type IdentifierKind, NO_PROFILE_FIELDS } from '../../../src/accounts/account.ts'
import { type Identifier, parseAs } from '../../../src/accounts/identifier.ts'
import { register } from '../../../src/actions/registration/register.ts'
import type { RequestContext } from '../../../src/actions/request-context.ts'
import type { SettingsChange } from '../../../src/settings/settings-store.ts'
import { newName, PASSWORD } from '../../support/client.ts'
import { resetSettings } from '../../support/limits.ts'
import {
  type Deployment,
  deploy,
  derivationsOf,
  refusalOf,
  setUpUseCases,
  storeAccount,
  storedAccount,
  unavailable,
} from '../../support/use-case.ts'

setUpUseCases()

const identifier = (kind: IdentifierKind, text: string): Identifier => {
  const parsed = parseAs(kind, text, undefined)
  if (parsed === null) throw new Error(text)
  return parsed
}

const attempt = (
  ctx: RequestContext,
  username = newName(),
  password = PASSWORD,
  profileFields = NO_PROFILE_FIELDS,
) =>
  register(ctx, {
    profileFields,
    username: identifier('username', username),
    email: null,
    phone: null,
    password,
    challenge: undefined,
    transport: 'body',
  })

const counted = async (deployment: Deployment, ctx: RequestContext) =>
  (await deployment.counterOf(ctx)).state('registrations_per_ip').tally.events.length

/** A deployment after a change of its settings, which are reset afterwards. */
async function deployWith(change: SettingsChange, settings?: object) {
  const deployment = await deploy(settings)
  await deployment.services.settings.change(change, 'admin_token', Date.now())
  await resetSettings()
  deployment.trips.length = 0
  return deployment
}

describe('the round trips of a registration', () => {
  it('reserves, stores the account, opens its session, and has counted it since the reservation', async () => {
    const deployment = await deploy()
    const { ctx, fields } = deployment.request()
    expect(await derivationsOf(() => attempt(ctx))).toBe(1)
    expect(deployment.trips).toEqual(['reserve@address', 'insert', 'settle@address counted', 'open'])
    expect(fields()).toMatchObject({ accountId: expect.any(String), sessionId: expect.any(String) })
  })

  it('stores profile fields with the account, and publishes them with its first session', async () => {
    const deployment = await deploy()
    const profileFields = { name: 'Ada Lovelace', picture: null, locale: 'en-GB', zoneinfo: null }
    const { profile, session } = await attempt(deployment.request().ctx, newName(), PASSWORD, profileFields)
    expect(profile).toMatchObject(profileFields)
    expect(await storedAccount(profile)).toMatchObject(profileFields)
    const query = { sessionId: session.id, sessionsNotBeforeMs: 0 }
    expect(await deployment.objectOf(profile.id).check(query)).toMatchObject({ profile: profileFields })
  })

  it('hashes the password only once its attempt is admitted', async () => {
    const deployment = await deploy({ LIMITS: { registrations_per_ip: { threshold: 0 } } })
    const { ctx } = deployment.request()
    expect(await derivationsOf(() => attempt(ctx))).toBe(0)
    expect(deployment.trips).toEqual(['reserve@address'])
  })

  it('settles without delaying the response', async () => {
    const deployment = await deploy()
    const { ctx } = deployment.request()
    const responded = Promise.withResolvers<void>()
    deployment.before('settle@address counted', () => responded.promise)
    expect((await attempt(ctx)).accessToken).not.toBe('')
    expect(await counted(deployment, ctx)).toBe(1)
    responded.resolve()
  })
})

describe('the checks before a registration', () => {
  const CLOSED: SettingsChange = { registration_open: false }
  const ALLOW: SettingsChange = { registration_allow: { email_domains: ['example.com'] } }
  const BLOCK = { LIMITS: { registrations_per_ip: { threshold: 0 } } }
  const RESERVED = 'admin'

  it.each([
    ['a reserved username', 'closed registration', { ...CLOSED, ...ALLOW }, RESERVED, 'invalid_request'],
    ['closed registration', 'the allow list', { ...CLOSED, ...ALLOW }, newName(), 'registration_closed'],
    ['the allow list', 'a weak password', ALLOW, newName(), 'registration_not_allowed'],
    ['a weak password', 'the limit', {}, newName(), 'weak_password'],
  ])('reports %s before %s, and calls no counter', async (_first, _later, change, username, code) => {
    const deployment = await deployWith(change, BLOCK)
    const error = await refusalOf(attempt(deployment.request().ctx, username, 'short'))
    expect(error).toMatchObject({ code })
    expect(deployment.trips).toEqual([])
  })

  it('reports a weak password together with a reserved username', async () => {
    const { ctx } = (await deploy()).request()
    const { members } = await refusalOf(attempt(ctx, RESERVED, 'short'))
    expect(members.errors?.map(({ field }) => field)).toEqual(['username', 'password'])
  })
})

describe('what counts as a registration', () => {
  it('counts a taken identifier, and opens no session', async () => {
    const deployment = await deploy()
    const { username } = await storeAccount()
    const { ctx, finish } = deployment.request()
    const error = await refusalOf(attempt(ctx, username ?? ''))
    expect(error).toMatchObject({ code: 'identifier_taken', members: { field: 'username' } })
    await finish()
    expect(deployment.trips).toEqual(['reserve@address', 'insert', 'settle@address counted'])
    expect(await counted(deployment, ctx)).toBe(1)
  })

  it('counts a registration whose write cannot be confirmed', async () => {
    const deployment = await deploy()
    const { ctx, finish } = deployment.request()
    deployment.after('insert', unavailable)
    deployment.before('find/primary', unavailable)
    expect(await refusalOf(attempt(ctx))).toMatchObject({ code: 'unavailable', members: {} })
    await finish()
    expect(deployment.trips).toEqual(['reserve@address', 'insert', 'find/primary', 'settle@address counted'])
    expect(await counted(deployment, ctx)).toBe(1)
  })

  it('continues a registration whose write is confirmed after its result was lost', async () => {
    const deployment = await deploy()
    deployment.after('insert', unavailable)
    const trips = await deployment.tripsOf(() => attempt(deployment.request().ctx))
    expect(trips).toEqual(['reserve@address', 'insert', 'find/primary', 'settle@address counted', 'open'])
  })

  it('releases a registration that was not stored', async () => {
    const deployment = await deploy()
    const { ctx } = deployment.request()
    deployment.before('insert', unavailable)
    expect(await refusalOf(attempt(ctx))).toMatchObject({ code: 'unavailable', members: {} })
    expect(deployment.trips).toEqual(['reserve@address', 'insert', 'find/primary', 'settle@address released'])
    expect(await counted(deployment, ctx)).toBe(0)
  })

  it.each(['before', 'after'] as const)(
    'reports that the account is registered if opening its session fails %s it happened, counts it, and ends the session',
    async (when) => {
      const deployment = await deploy()
      const { ctx, finish } = deployment.request()
      deployment[when]('open', unavailable)
      const error = await refusalOf(attempt(ctx))
      expect(error).toMatchObject({ code: 'unavailable', members: { registered: true } })
      await finish()
      expect(deployment.trips.slice(-2)).toEqual(['open', 'end'])
      expect(await counted(deployment, ctx)).toBe(1)
    },
  )
})
