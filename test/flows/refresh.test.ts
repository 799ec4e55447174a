import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  call,
  isAlive,
  logIn,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { disable, runCron } from '../support/database.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(() => freeze())
afterEach(thaw)

const DAY = 86_400

describe('refresh', () => {
  it('rotates the refresh token and keeps session, auth_time and amr', async () => {
    const first = await newPerson()
    advance(5)
    const second = await ok<Tokens>(refresh(first.refresh_token))
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const [before, after] = [decodeJwt(first.access_token), decodeJwt(second.access_token)]
    expect(after).toMatchObject({ sid: before.sid, auth_time: before.auth_time, amr: ['pwd'] })
    expect(after.iat).toBe((before.iat ?? 0) + 5)
    expect(after.jti).not.toBe(before.jti)
  })

  it('returns the same successor to twenty simultaneous refreshes of one token', async () => {
    const { refresh_token } = await newPerson()
    const responses = await Promise.all(Array.from({ length: 20 }, () => ok<Tokens>(refresh(refresh_token))))
    const successors = new Set(responses.map((tokens) => tokens.refresh_token))
    expect(successors.size).toBe(1)
    expect(successors).not.toContain(refresh_token)
  })

  it('returns the current refresh token for one that was rotated out within the grace period', async () => {
    const { refresh_token: first } = await newPerson()
    const { refresh_token: second } = await ok<Tokens>(refresh(first))
    advance(4)
    const { refresh_token: third } = await ok<Tokens>(refresh(second))
    advance(5)
    expect((await ok<Tokens>(refresh(first))).refresh_token).toBe(third)
    expect((await ok<Tokens>(refresh(second))).refresh_token).toBe(third)
  })

  it('ends the session if a refresh token is reused after the grace period', async () => {
    const { refresh_token: first } = await newPerson()
    const { refresh_token: second, access_token } = await ok<Tokens>(refresh(first))
    advance(10)
    expect(await refused(refresh(first))).toMatchObject({ status: 401, code: 'refresh_token_reused' })
    expect(await refused(refresh(first))).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    expect(await refused(refresh(second))).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    expect(await isAlive(access_token)).toBe(false)
  })

  it('detects reuse at once if the grace period is zero seconds', async () => {
    const strict = workerWith({ REFRESH_GRACE_SECONDS: '0' })
    const { refresh_token } = await newPerson(strict)
    await ok(refresh(refresh_token, strict))
    expect(await refused(refresh(refresh_token, strict))).toMatchObject({ code: 'refresh_token_reused' })
  })

  it('ends an idle session after refresh_expires_in', async () => {
    const person = await newPerson()
    expect(person.refresh_expires_in).toBe(30 * DAY)
    advance(30 * DAY - 1)
    const refreshed = await ok<Tokens>(refresh(person.refresh_token))
    expect(refreshed.refresh_expires_in).toBe(30 * DAY)
    advance(30 * DAY)
    expect(await refused(refresh(refreshed.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('ends a session 90 days after the login even if it is refreshed', async () => {
    let { refresh_token } = await newPerson()
    for (const days of [29, 29, 29]) {
      advance(days * DAY)
      refresh_token = (await ok<Tokens>(refresh(refresh_token))).refresh_token
    }
    const { refresh_expires_in } = await ok<Tokens>(refresh(refresh_token))
    expect(refresh_expires_in).toBe(3 * DAY)
    advance(3 * DAY)
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it.each([
    ['garbage', () => 'garbage'],
    ['an empty string', () => ''],
    ['an access token', (person: Tokens) => person.access_token],
    ['a token with another first character', (person: Tokens) => `B${person.refresh_token.slice(1)}`],
    ['a token with padding', (person: Tokens) => `${person.refresh_token}=`],
    ['a token after a space', (person: Tokens) => ` ${person.refresh_token}`],
  ])('rejects %s as a refresh token', async (_what, token) => {
    expect(await refused(refresh(token(await newPerson())))).toMatchObject({
      status: 401,
      code: 'invalid_refresh_token',
    })
  })

  it('rejects the refresh token of a disabled account', async () => {
    const { refresh_token, user } = await newPerson()
    await disable(user.id)
    await runCron()
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('keeps refresh tokens and reuse detection when the account object is evicted', async () => {
    const { refresh_token, user } = await newPerson()
    const { refresh_token: second } = await ok<Tokens>(refresh(refresh_token))
    await evictDurableObject(env.ACCOUNT.getByName(user.id))
    expect((await ok<Tokens>(refresh(refresh_token))).refresh_token).toBe(second)
    advance(10)
    await evictDurableObject(env.ACCOUNT.getByName(user.id))
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'refresh_token_reused' })
  })

  it('accepts tokens of the fallback secret while AUTH_SECRET is replaced', async () => {
    const { refresh_token, access_token, name } = await newPerson()
    const AUTH_SECRET = 'the next secret of the tests, long enough for production'
    const both = workerWith({ AUTH_SECRET_FALLBACK: env.AUTH_SECRET ?? '', AUTH_SECRET })
    const { refresh_token: renewed } = await ok<Tokens>(refresh(refresh_token, both))
    expect((await call('GET', '/auth/me', { bearer: access_token }, both)).status).toBe(200)
    await ok(logIn(name, PASSWORD, both))
    expect(await refused(refresh(renewed))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('deletes expired sessions by the alarm, and everything else ACTIVITY_DAYS after the last login', async () => {
    const { user, refresh_token } = await newPerson()
    const object = env.ACCOUNT.getByName(user.id)
    advance(30 * DAY)
    expect(await runDurableObjectAlarm(object)).toBe(true)
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    advance(60 * DAY - 1)
    expect(await runDurableObjectAlarm(object)).toBe(true)
    expect(await runDurableObjectAlarm(object)).toBe(true)
    advance(1)
    expect(await runDurableObjectAlarm(object)).toBe(true)
    expect(await runDurableObjectAlarm(object)).toBe(false)
  })
})
