import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/client/index.ts'
import './app.ts'
import {
  ask,
  callApi,
  changePassword,
  chromium,
  countRefreshes,
  enter,
  logOut,
  NEW_PASSWORD,
  newName,
  newVisitor,
  openTab,
  PASSWORD,
  passALifetime,
  STORAGES,
  stage,
  stopClock,
  user,
} from './spa.ts'

const confirmation = { current_password: PASSWORD }

/** A login of the same account in another browser. */
async function logInElsewhere(name: string, storage = 'localStorage'): Promise<Page> {
  const tab = await openTab(await chromium.visitor(), storage)
  expect(await enter(tab, 'logIn', name)).toEqual({ value: name })
  return tab
}

async function reloadedUser(tab: Page) {
  await tab.reload()
  await tab.waitForFunction(() => 'client' in window)
  return user(tab)
}

const change = (tab: Page, value: string | null) =>
  tab.waitForFunction((value) => changes.length > 0 && changes.at(-1) === value, value)

async function sessionsOf(tab: Page): Promise<readonly Session[]> {
  return (await ask(tab, 'sessions')).value as readonly Session[]
}

describe.each(STORAGES)('the account in an app that keeps the refresh token in %s', (storage) => {
  it('keeps the session of a changed password in every tab, and ends the others', async () => {
    const { context, tab, name } = await newVisitor(storage)
    const other = await openTab(context, storage)
    expect(await user(other)).toEqual({ value: name })
    const elsewhere = await logInElsewhere(name, storage)
    expect(await changePassword(tab)).toEqual({})
    for (const one of [tab, other]) {
      await passALifetime(one)
      expect((await callApi(one)).status).toBe(200)
      expect(await reloadedUser(one)).toEqual({ value: name })
    }
    await passALifetime(elsewhere)
    expect(await user(elsewhere)).toEqual({ value: null })
    expect((await enter(elsewhere, 'logIn', name)).error).toMatchObject({ code: 'invalid_credentials' })
    expect(await enter(elsewhere, 'logIn', name, NEW_PASSWORD)).toEqual({ value: name })
  })

  it('keeps the session if several tabs renew the token while the password changes', async () => {
    const { context, tab, name } = await newVisitor(storage)
    const others = await Promise.all([1, 2].map(() => openTab(context, storage)))
    const tabs = [tab, ...others]
    await Promise.all(tabs.map(user))
    await Promise.all(tabs.map(passALifetime))
    const results = [user(tab), ...others.map(callApi), changePassword(tab), ...others.map(user)]
    await Promise.all(results)
    for (const one of tabs) {
      await passALifetime(one)
      expect(await user(one)).toEqual({ value: name })
    }
    expect(await reloadedUser(tab)).toEqual({ value: name })
  })

  it('reports a changed profile to every tab', async () => {
    const { context, tab } = await newVisitor(storage)
    const other = await openTab(context, storage)
    await user(other)
    const [username, email] = [newName(), `${newName()}@example.com`]
    const { value } = await ask(tab, 'updateProfile', { ...confirmation, username, email })
    expect(value).toMatchObject({ username, email })
    await change(other, username)
    expect(await ask(tab, 'updateProfile', { name: 'Ada Lovelace' })).toMatchObject({
      value: { username, name: 'Ada Lovelace' },
    })
    expect(await user(tab)).toEqual({ value: username })
    await ask(tab, 'updateProfile', { ...confirmation, username: null })
    await other.waitForFunction(() => changes.at(-1) === null)
    const shown = await other.evaluate(() => client.user())
    expect(shown).toMatchObject({ username: null, email })
  })

  it('logs out every tab if the session that ends is the current one', async () => {
    const { context, tab } = await newVisitor(storage)
    const other = await openTab(context, storage)
    await user(other)
    const [current] = await sessionsOf(tab)
    expect(await ask(tab, 'endSession', current?.id)).toEqual({})
    await change(other, null)
    expect(await reloadedUser(tab)).toEqual({ value: null })
  })

  it('deletes the account and logs out every tab', async () => {
    const { context, tab, name } = await newVisitor(storage)
    const other = await openTab(context, storage)
    await user(other)
    expect(await ask(tab, 'deleteAccount', confirmation)).toEqual({})
    await change(other, null)
    expect(await reloadedUser(tab)).toEqual({ value: null })
    expect(await enter(tab, 'register', name)).toEqual({ value: name })
  })
})

describe('client.endSession and client.endOtherSessions', () => {
  it('lists the sessions and ends others', async () => {
    const { tab, name } = await newVisitor()
    const [second, third] = [await logInElsewhere(name), await logInElsewhere(name)]
    const sessions = await sessionsOf(second)
    expect(sessions.map(({ current }) => current).toSorted()).toEqual([false, false, true])
    const current = sessions.find(({ current }) => current)?.id
    expect(await ask(tab, 'endSession', current)).toEqual({})
    expect(await sessionsOf(tab)).toHaveLength(2)
    await passALifetime(second)
    expect(await user(second)).toEqual({ value: null })
    expect(await ask(tab, 'endOtherSessions', confirmation)).toEqual({})
    expect(await sessionsOf(tab)).toEqual([expect.objectContaining({ current: true })])
    await passALifetime(third)
    expect(await user(third)).toEqual({ value: null })
    expect(await user(tab)).toEqual({ value: name })
  })
})

describe('a refused request about the account', () => {
  it('changes nothing and keeps the session if the password is wrong', async () => {
    const { tab, name } = await newVisitor()
    const wrong = { current_password: 'a guess that is wrong' }
    const refused = { error: { code: 'invalid_credentials', status: 401 } }
    expect(await changePassword(tab, wrong.current_password)).toMatchObject(refused)
    expect(await ask(tab, 'updateProfile', { ...wrong, username: newName() })).toMatchObject(refused)
    expect(await reloadedUser(tab)).toEqual({ value: name })
    expect(await ask(tab, 'deleteAccount', confirmation)).toEqual({})
  })

  it('exposes why a new password is refused, and which identifier is taken', async () => {
    const { name } = await newVisitor()
    const { tab } = await newVisitor()
    const weak = await ask(tab, 'changePassword', { ...confirmation, new_password: 'password' })
    expect(weak.error?.problem).toMatchObject({ code: 'weak_password', reasons: ['common'] })
    const taken = await ask(tab, 'updateProfile', { ...confirmation, username: name })
    expect(taken.error?.problem).toMatchObject({ code: 'identifier_taken', field: 'username' })
  })

  it('rejects an unknown session as not_found', async () => {
    const { tab, name } = await newVisitor()
    expect(await ask(tab, 'endSession', '../me')).toMatchObject({ error: { code: 'not_found', status: 404 } })
    expect(chromium.takeFaults().join()).toContain('status of 404')
    expect(await user(tab)).toEqual({ value: name })
  })

  it('exposes the age that a login may have, and keeps the session', async () => {
    const { context, tab, name } = await newVisitor()
    const body = JSON.stringify({ code: 'insufficient_user_authentication', detail: '', max_age: 900 })
    const headers = { 'Access-Control-Allow-Origin': stage.app, 'Content-Type': 'application/problem+json' }
    await context.route('**/auth/sessions?except=current', (route) =>
      route.request().method() === 'DELETE'
        ? route.fulfill({ status: 401, body, headers })
        : route.fallback(),
    )
    const { error } = await ask(tab, 'endOtherSessions')
    expect(error?.problem).toMatchObject({ code: 'insufficient_user_authentication', max_age: 900 })
    expect(await user(tab)).toEqual({ value: name })
  })

  it.each([
    'changePassword',
    'updateProfile',
    'sessions',
    'endSession',
    'endOtherSessions',
    'deleteAccount',
  ] as const)('sends no request without a session: %s', async (call) => {
    const context = await chromium.visitor()
    const tab = await openTab(context)
    const sent: string[] = []
    context.on('request', (request) => sent.push(request.url()))
    expect(await ask(tab, call, {})).toMatchObject({ error: { code: 'invalid_token', status: 0 } })
    expect(sent).toEqual([])
  })

  it('logs out every tab if the session has ended elsewhere', async () => {
    const { context, tab, name } = await newVisitor()
    const other = await openTab(context)
    await user(other)
    await ask(await logInElsewhere(name), 'endOtherSessions', confirmation)
    expect(await ask(tab, 'sessions')).toMatchObject({ error: { code: 'invalid_token' } })
    await change(other, null)
    expect(await user(tab)).toEqual({ value: null })
  })
})

describe('client.changePassword', () => {
  it('solves a challenge after three wrong passwords', async () => {
    const { tab, name } = await newVisitor()
    for (let times = 1; times <= 3; times++) await changePassword(tab, 'a guess that is wrong')
    const widget = tab.locator('altcha-widget').waitFor()
    expect(await changePassword(tab)).toEqual({})
    await widget
    expect(await tab.locator('#challenge > *').count()).toBe(0)
    expect(await reloadedUser(tab)).toEqual({ value: name })
  })
})

describe('a request about the account whose response does not arrive', () => {
  const isStored = { code: 'unavailable', detail: '', retry_after: 5, changed: true }

  /** Answers the first request of this method, after it has reached the service or without. */
  async function answerOnce(context: BrowserContext, method: string, reaches: boolean, problem?: object) {
    let answered = 0
    await context.route('**/auth/me**', async (route) => {
      if (route.request().method() !== method || answered++ > 0) return route.fallback()
      if (reaches) await route.fetch()
      if (problem === undefined) return route.abort()
      const headers = { 'Access-Control-Allow-Origin': stage.app, 'Access-Control-Allow-Credentials': 'true' }
      return route.fulfill({ status: 503, body: JSON.stringify(problem), headers })
    })
    return () => answered
  }

  it.each([
    ['is lost', true, undefined],
    ['is missing because the request was lost', false, undefined],
    ['says only that the change is stored', true, isStored],
  ])('keeps the session of a changed password if the response %s', async (_how, reaches, problem) => {
    const { context, tab, name } = await newVisitor()
    const answered = await answerOnce(context, 'PUT', reaches, problem)
    expect(await changePassword(tab)).toEqual({})
    expect(answered()).toBe(reaches ? 3 : 2)
    expect(await reloadedUser(tab)).toEqual({ value: name })
    await logOut(tab)
    expect(await enter(tab, 'logIn', name, NEW_PASSWORD)).toEqual({ value: name })
    if (problem !== undefined) expect(chromium.takeFaults().join()).toContain('status of 503')
  })

  it('reports a wrong password as such if the response to an earlier attempt was lost', async () => {
    const { context, tab, name } = await newVisitor()
    const answered = await answerOnce(context, 'PUT', false)
    expect(await changePassword(tab, 'a guess that is wrong')).toMatchObject({
      error: { code: 'invalid_credentials' },
    })
    expect(answered()).toBe(3)
    expect(await reloadedUser(tab)).toEqual({ value: name })
  })

  it('counts a wrong password once for each attempt, of which there are four if two responses are lost', async () => {
    const { context, tab, name } = await newVisitor()
    const codes: string[] = []
    let lost = 0
    await context.route('**/auth/me/password', async (route) => {
      if (route.request().method() !== 'PUT') return route.fallback()
      const headers = { ...route.request().headers(), 'CF-Connecting-IP': '192.0.2.7' }
      const response = await route.fetch({ headers })
      codes.push((await response.json()).code)
      return lost++ < 2 ? route.abort() : route.fulfill({ response })
    })
    expect(await changePassword(tab, 'a guess that is wrong')).toMatchObject({
      error: { code: 'invalid_credentials' },
    })
    // The third failure is the last one without a challenge. The access token may have expired between the attempts.
    const [wrong, challenge] = ['invalid_credentials', 'challenge_required']
    const expected = [wrong, wrong, wrong, challenge, wrong]
    expect(codes.filter((code) => code !== 'invalid_token')).toEqual(expected)
    expect(await reloadedUser(tab)).toEqual({ value: name })
  })

  it('logs out if the response says only that the deletion is stored', async () => {
    const { context, tab } = await newVisitor()
    await answerOnce(context, 'DELETE', true, isStored)
    expect(await ask(tab, 'deleteAccount', confirmation)).toEqual({})
    expect(await reloadedUser(tab)).toEqual({ value: null })
    expect(chromium.takeFaults().join()).toContain('status of 503')
  })

  it('keeps the session and the account while the browser is offline', async () => {
    const { context, tab, name } = await newVisitor()
    await context.setOffline(true)
    expect(await changePassword(tab)).toMatchObject({ error: { code: 'network' } })
    expect(await ask(tab, 'deleteAccount', confirmation)).toMatchObject({ error: { code: 'network' } })
    await context.setOffline(false)
    expect(await reloadedUser(tab)).toEqual({ value: name })
    await logOut(tab)
    expect(await enter(tab, 'logIn', name)).toEqual({ value: name })
  })
})

describe('client.accessToken', () => {
  it('returns a token that the service accepts, renewed before it expires', async () => {
    const startMs = Date.now()
    const { context, tab } = await newVisitor()
    await stopClock(tab, startMs)
    const refreshes = countRefreshes(context)
    const { value: first } = await ask(tab, 'accessToken')
    expect(await ask(tab, 'accessToken')).toEqual({ value: first })
    expect(refreshes()).toBe(0)
    await passALifetime(tab)
    const { value: second } = await ask(tab, 'accessToken')
    expect(second).not.toBe(first)
    const headers = { Authorization: `Bearer ${second}` }
    expect((await fetch(`${stage.url}/auth/me`, { headers })).status).toBe(200)
  })

  it('returns null without a session', async () => {
    const { tab } = await newVisitor()
    await logOut(tab)
    expect(await ask(tab, 'accessToken')).toEqual({ value: null })
  })

  it('rejects with network if the token has expired and the service cannot be reached', async () => {
    const { context, tab } = await newVisitor()
    await context.setOffline(true)
    await passALifetime(tab)
    expect(await ask(tab, 'accessToken')).toMatchObject({ error: { code: 'network' } })
  })
})
