import { describe, expect, inject, it } from 'vitest'
import './app.ts'
import { BROWSERS, type Tab } from './browsers.ts'

declare global {
  /** The status of the call of `callOnSignal`. */
  var called: Promise<number>
}

const PASSWORD = 'correct horse battery staple'
const TIMEOUT_MS = 15_000
const stage = inject('stage')
const app = `${stage.app}/?${new URLSearchParams({ storage: 'cookie', orders: `${stage.url}/api/orders` })}`

/** Repeats the function in the page until the assertion holds, also while a page replaces another. */
const eventually = (tab: Tab, read: () => unknown) =>
  expect.poll(() => tab.evaluate(read), { timeout: TIMEOUT_MS })

const open = (tab: Tab, path: '/login' | '/register') =>
  tab.goto(`${stage.url}${path}?${new URLSearchParams({ return_to: app })}`)

async function submit(tab: Tab, name: string, password: string): Promise<void> {
  await tab.locator('[name=identifier]').fill(name)
  await tab.locator('[name=password]').fill(password)
  await tab.locator('form:has([name=password]) button[type=submit]').click()
}

async function guess(tab: Tab, name: string): Promise<void> {
  // After that, an alert with a text belongs to this guess.
  await tab.evaluate(clearAlert)
  await submit(tab, name, 'a guess that is wrong')
  await eventually(tab, alertText).not.toBe('')
}

// The functions below run in the page, so they use nothing of this file.

const path = () => location.pathname
const isChallenged = () => document.querySelector('[name=challenge]') !== null
const isSolved = () => (document.querySelector<HTMLInputElement>('[name=challenge]')?.value ?? '') !== ''
const clearAlert = () => document.querySelector('[role=alert]')?.replaceChildren()
const alertText = () => document.querySelector('[role=alert]')?.textContent?.trim() ?? ''
/** In the app: whose session it has. */
const user = () =>
  'client' in globalThis
    ? outcome(client.user().then((found) => found?.username ?? null))
    : `not in the app, but at ${location.href}`
const logOut = () => outcome(client.logOut()).then(({ error }) => error ?? null)
const lastChange = () => changes.at(-1)

/** In the app: after the lifetime of its token, calls the API at the moment at which all tabs do. */
const callOnSignal = () => {
  const orders = new URLSearchParams(location.search).get('orders') ?? ''
  const now = Date.now.bind(Date)
  Date.now = () => now() + 3_000
  performance.clearResourceTimings()
  const signal = new Promise((resolve) => {
    new BroadcastChannel('story').onmessage = resolve
  })
  globalThis.called = signal.then(() => client.fetch(orders)).then(({ status }) => status)
}
const sendSignal = () => new BroadcastChannel('story').postMessage('now')
const statusOfCall = () => called
const refreshes = () =>
  performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/auth/refresh')).length

/** One tab after the other: a driver may serve only one at a time. */
async function inEach(tabs: readonly Tab[], read: () => unknown): Promise<readonly unknown[]> {
  const results: unknown[] = []
  for (const tab of tabs) results.push(await tab.evaluate(read))
  return results
}

describe.each(Object.entries(BROWSERS))('in %s', (browserName, launch) => {
  it('registers, solves a challenge after three wrong passwords, renews once in each of two tabs, and logs out of both', async ({
    onTestFinished,
  }) => {
    const browser = await launch()
    onTestFinished(() => browser.close())
    const name = `${browserName.toLowerCase()}.${process.pid}`
    const tab = await browser.newTab()
    await open(tab, '/register')
    await submit(tab, name, PASSWORD)
    await eventually(tab, user).toEqual({ value: name })
    expect(await tab.evaluate(logOut)).toBeNull()

    await open(tab, '/login')
    for (let times = 1; times <= 3; times++) {
      expect(await tab.evaluate(isChallenged)).toBe(false)
      await guess(tab, name)
    }
    await eventually(tab, isSolved).toBe(true)
    await submit(tab, name, PASSWORD)
    await eventually(tab, user).toEqual({ value: name })

    const other = await browser.newTab()
    await other.goto(app)
    await eventually(other, user).toEqual({ value: name })
    const tabs = [tab, other]
    await inEach(tabs, callOnSignal)
    await tab.evaluate(sendSignal)
    expect(await inEach(tabs, statusOfCall)).toEqual([200, 200])
    // The tabs share a refresh, unless the message of its result is late.
    expect(await inEach(tabs, refreshes)).toBeOneOf([
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    expect(await inEach(tabs, user)).toEqual([{ value: name }, { value: name }])

    expect(await tab.evaluate(logOut)).toBeNull()
    for (const one of tabs) await eventually(one, lastChange).toBeNull()
    expect(await inEach(tabs, user)).toEqual([{ value: null }, { value: null }])
    await tab.goto(`${stage.url}/account`)
    expect(await tab.evaluate(path)).toBe('/login')
    expect(browser.takeFaults()).toEqual([])
  })
})
