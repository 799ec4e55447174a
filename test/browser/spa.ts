/** The service, a browser and an app for the tests of the browser SDK, and what they do with them. */
import { decodeJwt } from 'jose'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest'
import type { Client } from '../../src/client/index.ts'
import './app.ts'
import { Chromium } from './chromium.ts'
import { ACCESS_TOKEN_SECONDS } from './stage.ts'

export const PASSWORD = 'correct horse battery staple'
export const STORAGES = ['localStorage', 'cookie'] as const

export const stage = inject('stage')
export let chromium: Chromium
let names = 0

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

export const newName = () => `spa${++names}.${process.pid}`

/** A tab with the app, whose SDK is ready. */
export async function openTab(
  context: BrowserContext,
  storage = 'localStorage',
  app = stage.app,
): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${app}/?storage=${storage}&api=${encodeURIComponent(stage.refusing)}`)
  await page.waitForFunction(() => 'client' in window)
  return page
}

export const user = (page: Page) =>
  page.evaluate(() => outcome(client.user().then((found) => found?.username ?? null)))
export const logOut = (page: Page) => page.evaluate(() => outcome(client.logOut()))

export function enter(page: Page, how: 'register' | 'logIn', name: string, password = PASSWORD) {
  const credentials = { name, password, how }
  return page.evaluate(({ name, password, how }) => {
    const entering =
      how === 'register'
        ? client.register({ username: name, password })
        : client.logIn({ identifier: name, password })
    return outcome(entering.then(({ username }) => username))
  }, credentials)
}

/** Calls the SDK. Fails if the call throws instead of rejecting. */
export const ask = (page: Page, call: Exclude<keyof Client, 'onChange'>, ...parameters: readonly unknown[]) =>
  page.evaluate(
    ({ call, parameters }) => {
      const ask: (...parameters: readonly never[]) => Promise<unknown> = client[call]
      return outcome(ask(...(parameters as never[])))
    },
    { call, parameters },
  )

export const NEW_PASSWORD = 'another horse, another staple'
export const changePassword = (page: Page, from = PASSWORD) =>
  ask(page, 'changePassword', { current_password: from, new_password: NEW_PASSWORD })

/** A new account in a new browser with one tab. */
export async function newVisitor(storage: string = 'localStorage') {
  const context = await chromium.visitor()
  const tab = await openTab(context, storage)
  const name = newName()
  expect(await enter(tab, 'register', name)).toEqual({ value: name })
  return { context, tab, name }
}

/** @returns the status of a request to the origin behind the gateway, and the id of the token that it received */
export async function callApi(
  page: Page,
): Promise<{ readonly status: number; readonly jti: string | undefined }> {
  const url = `${stage.url}/api/orders`
  const { status, text } = await page.evaluate(async (url) => {
    const response = await client.fetch(url)
    return { status: response.status, text: await response.text() }
  }, url)
  const token = /^authorization: Bearer (.*)\r$/im.exec(text)?.[1]
  return { status, jti: token === undefined ? undefined : decodeJwt(token).jti }
}

/** Advances the clock by the lifetime of an access token, as on a laptop that was closed. */
export async function passALifetime(tab: Page): Promise<void> {
  await tab.evaluate((passedMs) => {
    const now = Date.now.bind(Date)
    Date.now = () => now() + passedMs
  }, ACCESS_TOKEN_SECONDS * 1000)
}

/** Stops the clock of a tab, so that its token does not expire while a test is slow. */
export async function stopClock(tab: Page, atMs: number): Promise<void> {
  await tab.evaluate((atMs) => {
    Date.now = () => atMs
  }, atMs)
}

export function countRefreshes(context: BrowserContext): () => number {
  let refreshes = 0
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/auth/refresh')) refreshes += 1
  })
  return () => refreshes
}

/** @returns the selected subprotocol and the echo, or null if the socket did not open */
export const openSocket = (page: Page, url: string, protocols: readonly string[] = []) =>
  page.evaluate(
    async ({ url, protocols }) => {
      const socket = await client.webSocket(url, protocols)
      const next = (type: string) => new Promise((resolve) => socket.addEventListener(type, resolve))
      const opened = await Promise.race([next('open').then(() => true), next('close').then(() => false)])
      if (!opened) return null
      const echo = next('message') as Promise<MessageEvent>
      socket.send('hello')
      const { data } = await echo
      socket.close()
      return { protocol: socket.protocol, data }
    },
    { url, protocols },
  )
