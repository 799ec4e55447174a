/** What the tests of the hosted pages share. */
import { expect } from 'vitest'
import { Browser } from './browser.ts'
import { newName, PASSWORD } from './client.ts'

export const APP = 'https://app.example.test'
export const PAGE_COOKIE = '__Host-gatehouse_pages'
export const REFRESH_COOKIE = '__Secure-gatehouse_refresh'

/** A new account, registered with a form in a browser that is then logged in. */
export async function registered(name = newName(), browser = new Browser()) {
  const page = await browser.send('/register', { identifier: name, password: PASSWORD })
  expect(page.url).toBe('/account')
  return { browser, name, page }
}

export const isLoggedIn = async (browser: Browser) => (await browser.open('/account')).url === '/account'
