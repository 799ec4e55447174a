/** Authorization: which of several missing things is reported first, and which permissions count. */
import { describe, expect, it } from 'vitest'
import { manageAccount } from '../../../src/actions/admin/manage-account.ts'
import { logIn } from '../../../src/actions/login/log-in.ts'
import { type Access, authorize, authorizeToken } from '../../../src/actions/session/authorize.ts'
import { ServiceError } from '../../../src/errors/service-error.ts'
import { PASSWORD } from '../../support/client.ts'
import { FROZEN_MS } from '../../support/clock.ts'
import { deploy, refusalOf, setUpUseCases, storeAccount, unavailable } from '../../support/use-case.ts'

setUpUseCases()

const FRESH_MS = 900_000
const REQUIRED = { roles: ['staff'], scope: ['reports'], freshLogin: true }

/** The error of an authorization; null if the access is enough. */
function errorOf(access: Access, required = REQUIRED) {
  try {
    authorize(access, required, FROZEN_MS)
    return null
  } catch (error) {
    if (error instanceof ServiceError) return { code: error.code, ...error.members }
    throw error
  }
}

const insufficient = (roles: readonly string[], scope: readonly string[]) => ({
  code: 'insufficient_scope',
  missing: { roles, scope },
})
const STALE = { code: 'insufficient_user_authentication', max_age: 900 }

describe('an authorization', () => {
  it.each([
    [true, true, true, null],
    [true, true, false, STALE],
    [true, false, true, insufficient([], ['reports'])],
    [true, false, false, insufficient([], ['reports'])],
    [false, true, true, insufficient(['staff'], [])],
    [false, true, false, insufficient(['staff'], [])],
    [false, false, true, insufficient(['staff'], ['reports'])],
    [false, false, false, insufficient(['staff'], ['reports'])],
  ])(
    'reports all missing permissions before a stale login: role %s, scope %s, fresh login %s',
    (role, scope, fresh, expected) => {
      const access = {
        roles: role ? ['staff', 'other'] : ['other'],
        scope: scope ? ['reports', 'other'] : [],
        authTimeMs: FROZEN_MS - (fresh ? FRESH_MS : FRESH_MS + 1),
      }
      expect(errorOf(access)).toEqual(expected)
    },
  )

  it('asks for no recent login unless it is required', () => {
    const access = { roles: [], scope: [], authTimeMs: 0 }
    expect(errorOf(access, { roles: [], scope: [], freshLogin: false })).toBe(null)
  })
})

describe('the authorization of a token', () => {
  const TRUST = { roles: ['staff'], scope: ['reports'], session: 'trust' } as const
  const CHECK = { ...TRUST, session: 'check' } as const

  /** An account with the permissions, and its access token. */
  async function loggedIn() {
    const deployment = await deploy()
    const { id, username } = await storeAccount({ roles: ['staff'], scopes: ['reports'] })
    const login = { password: PASSWORD, challenge: undefined, scope: null, transport: 'body' } as const
    const tokens = await logIn(deployment.request().ctx, { identifier: username ?? '', ...login })
    deployment.trips.length = 0
    return { deployment, id, ...tokens }
  }

  it('trusts a token without a round trip, and checks its session with one', async () => {
    const { deployment, accessToken, id, session } = await loggedIn()
    const { ctx, fields } = deployment.request()
    expect(await authorizeToken(ctx, accessToken, TRUST)).toMatchObject({ subject: id, activeSession: null })
    expect(deployment.trips).toEqual([])
    expect(await authorizeToken(ctx, accessToken, CHECK)).toMatchObject({ activeSession: { session } })
    expect(deployment.trips).toEqual(['check'])
    expect(fields()).toEqual({ accountId: id, sessionId: session.id })
  })

  it('ignores permissions that the account has lost since, if the session is checked', async () => {
    const { deployment, accessToken, id } = await loggedIn()
    const admin = deployment.requestBy({ kind: 'admin_token' }).ctx
    await manageAccount(admin, id, { roles: ['other'], scopes: [] })
    const { ctx } = deployment.request()
    expect(await authorizeToken(ctx, accessToken, TRUST)).toMatchObject({ roles: ['staff'] })
    const { code, members } = await refusalOf(authorizeToken(ctx, accessToken, CHECK))
    expect({ code, ...members }).toEqual(insufficient(['staff'], ['reports']))
  })

  it('reports a session that has ended before missing permissions, if the session is checked', async () => {
    const { deployment, accessToken, id } = await loggedIn()
    await deployment.objectOf(id).endAll({ policy: deployment.services.config.sessions })
    const needed = { ...CHECK, roles: ['another role'] }
    const { ctx } = deployment.request()
    expect(await refusalOf(authorizeToken(ctx, accessToken, needed))).toMatchObject({ code: 'invalid_token' })
  })

  it('reports an invalid token without a round trip, and an unavailable object as such', async () => {
    const { deployment, accessToken } = await loggedIn()
    const { ctx } = deployment.request()
    expect(await refusalOf(authorizeToken(ctx, 'no token', CHECK))).toMatchObject({ code: 'invalid_token' })
    expect(deployment.trips).toEqual([])
    deployment.before('check', unavailable)
    expect(await refusalOf(authorizeToken(ctx, accessToken, CHECK))).toMatchObject({ code: 'unavailable' })
  })
})
