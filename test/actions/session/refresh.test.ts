/** Refresh: one round trip, and what each result of it means. */
import { describe, expect, it } from 'vitest'
import { logIn } from '../../../src/actions/login/log-in.ts'
import { refresh } from '../../../src/actions/session/refresh.ts'
import { PASSWORD } from '../../support/client.ts'
import { advance } from '../../support/clock.ts'
import { lines } from '../../support/log.ts'
import { deploy, refusalOf, setUpUseCases, storeAccount, unavailable } from '../../support/use-case.ts'

setUpUseCases()

const GRACE_SECONDS = 10

/** The first tokens of a session. */
async function loggedIn() {
  const deployment = await deploy()
  const { id, username } = await storeAccount()
  const login = { password: PASSWORD, challenge: undefined, scope: null, transport: 'body' } as const
  const tokens = await logIn(deployment.request().ctx, { identifier: username ?? '', ...login })
  deployment.trips.length = 0
  return { deployment, tokens, accountId: id }
}

describe('a refresh', () => {
  it('makes one round trip, and logs the account and the session', async () => {
    const { deployment, tokens, accountId } = await loggedIn()
    const { ctx, fields } = deployment.request()
    const next = await refresh(ctx, tokens.refreshToken)
    expect(next.refreshToken).not.toBe(tokens.refreshToken)
    expect(deployment.trips).toEqual(['rotate'])
    expect(fields()).toEqual({ accountId, sessionId: tokens.session.id })
  })

  it('repeats the successor of a token within the grace period', async () => {
    const { deployment, tokens } = await loggedIn()
    const first = await refresh(deployment.request().ctx, tokens.refreshToken)
    advance(GRACE_SECONDS - 1)
    const second = await refresh(deployment.request().ctx, tokens.refreshToken)
    expect(second.refreshToken).toBe(first.refreshToken)
  })

  it('reports a reused token, logs it and ends the session', async () => {
    const { deployment, tokens, accountId } = await loggedIn()
    const next = await refresh(deployment.request().ctx, tokens.refreshToken)
    advance(GRACE_SECONDS + 1)
    const again = (token: string) => refusalOf(refresh(deployment.request().ctx, token))
    expect(await again(tokens.refreshToken)).toMatchObject({ code: 'refresh_token_reused' })
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      level: 'warn',
      event: 'refresh_token_reused',
      request_id: 'the-request',
      account_id: accountId,
      session_id: tokens.session.id,
    })
    expect(await again(next.refreshToken)).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('rejects a token of another key without a round trip', async () => {
    const { deployment } = await loggedIn()
    const error = await refusalOf(refresh(deployment.request().ctx, 'no token'))
    expect(error).toMatchObject({ code: 'invalid_refresh_token' })
    expect(deployment.trips).toEqual([])
  })

  it('rotates once, if the result of a rotation is lost and the app repeats the request', async () => {
    const { deployment, tokens } = await loggedIn()
    deployment.after('rotate', unavailable)
    const error = await refusalOf(refresh(deployment.request().ctx, tokens.refreshToken))
    expect(error).toMatchObject({ code: 'unavailable' })
    deployment.mend()
    const next = await refresh(deployment.request().ctx, tokens.refreshToken)
    expect(await refresh(deployment.request().ctx, next.refreshToken)).toMatchObject({
      session: { id: tokens.session.id },
    })
  })
})
