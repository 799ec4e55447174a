import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { Chromium, checkLooks, LOOKS } from './chromium.ts'
import { guess, newName, PASSWORD, register, submit } from './on-pages.ts'

const stage = inject('stage')
let chromium: Chromium

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

async function openRegistration(isOpen: boolean): Promise<void> {
  const response = await fetch(`${stage.url}/admin/limits`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${stage.adminToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ registration_open: isOpen }),
  })
  expect(response.status).toBe(200)
}

/** Each page with as much content as it can have. */
const PAGES = {
  login: (page: Page) => page.goto(`${stage.url}/login`),
  'login-challenge': async (page: Page) => {
    await page.goto(`${stage.url}/login`)
    for (let times = 1; times <= 3; times++) await guess(page, newName())
    await page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('[name=challenge]')?.value !== '',
    )
  },
  register: (page: Page) => page.goto(`${stage.url}/register`),
  'register-errors': async (page: Page) => {
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]').fill('a@b')
    await page.locator('[name=password]').fill('short')
    await submit(page)
    await page.getByRole('alert').waitFor()
  },
  account: async (page: Page) => {
    await register(page)
    await page.locator('.more > summary').click()
  },
  'account-security': async (page: Page) => {
    await register(page)
    await page.goto(`${stage.url}/account/security`)
  },
  'account-delete': async (page: Page) => {
    await register(page)
    await page.goto(`${stage.url}/account/delete`)
  },
  'account-errors': async (page: Page) => {
    await register(page)
    await page.locator('.more > summary').click()
    await page.locator('form[action="/account/profile"] [name=email]').fill('nowhere')
    await page.locator('form[action="/account/profile"] [name=current_password]').fill(PASSWORD)
    await page.locator('form[action="/account/profile"] button[type=submit]').click()
    await page.getByRole('alert').waitFor()
  },
  'account-sessions': async (page: Page) => {
    const name = await register(page)
    const body = JSON.stringify({ identifier: name, password: PASSWORD })
    await page.evaluate(
      (sent) =>
        fetch('/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: sent }),
      body,
    )
    await page.goto(`${stage.url}/account/devices`)
    // The field is there if the login is too old.
    await page.evaluate(() => {
      const form = document.querySelector('form[action="/account/sessions/end"]')
      form?.insertAdjacentHTML('beforeend', '<input type="hidden" name="current_password" value="wrong">')
    })
    await page.locator('button[formaction="/account/sessions/end-others"]').click()
    await page.locator('#sessions-current_password-error').waitFor()
  },
  error: (page: Page) => page.goto(`${stage.url}/errors/challenge_failed`),
  'account-details': async (page: Page) => {
    await register(page)
    await page.locator('form[action="/account/details"] [name=picture]').fill('nowhere')
    await page.locator('form[action="/account/details"] button[type=submit]').click()
    await page.getByRole('alert').waitFor()
  },
  continue: async (page: Page) => {
    await register(page)
    await page.goto(`${stage.url}/login?return_to=${encodeURIComponent(`${stage.app}/`)}`)
  },
  blocked: async (page: Page) => {
    for (let times = 1; times <= 3; times++) {
      await register(page)
      await page.context().clearCookies()
    }
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]').fill(newName())
    await page.locator('[name=password]').fill(PASSWORD)
    await submit(page)
    await page.getByRole('alert').waitFor()
  },
  closed: async (page: Page) => {
    await openRegistration(false)
    await page.goto(`${stage.url}/register`)
    await openRegistration(true)
  },
  'not-found': async (page: Page) => {
    await page.goto(`${stage.url}/no/such/page`)
    expect(chromium.takeFaults()).toEqual([expect.stringMatching(/\/no\/such\/page: .* 404 /)])
  },
  components: (page: Page) => page.goto(`${stage.url}/dev/components`),
}
type Name = keyof typeof PAGES

const MAIN: readonly Name[] = [
  'login',
  'register',
  'account',
  'account-security',
  'account-sessions',
  'account-delete',
]
const OTHERS = (Object.keys(PAGES) as Name[]).filter((name) => !MAIN.includes(name))
/** The locale of a browser, the language of the pages, and their direction. */
const LANGUAGES: readonly (readonly [string, string, string])[] = [
  ['en', 'en', ''],
  ['zh-TW', 'zh-Hant', ''],
  ['de', 'de', ''],
  ['ar', 'ar', 'rtl'],
]

async function checkPage(name: Name, locale: string, lang: string, dir: string, looks = LOOKS) {
  const visitor = await chromium.visitor({ locale })
  const page = await visitor.newPage()
  await PAGES[name](page)
  const html = page.locator('html')
  expect([await html.getAttribute('lang'), (await html.getAttribute('dir')) ?? '']).toEqual([lang, dir])
  await checkLooks(page, `${name}-${locale}`, looks)
  await visitor.close()
}

/** Each page is loaded once, and then shown in every width and color scheme: only media queries depend on them. */
describe.each(LANGUAGES)('in %s', (locale, lang, dir) => {
  it.concurrent.each(MAIN)(
    '%s has no accessibility violations and no horizontal scrolling, narrow and wide, light and dark',
    (name) => checkPage(name, locale, lang, dir),
  )
})

describe('every other page and state', () => {
  it.each(OTHERS)('%s has no accessibility violations, narrow, dark and in Arabic', (name) =>
    checkPage(name, 'ar', 'ar', 'rtl', [{ width: 360, colorScheme: 'dark' }]),
  )

  it.each(OTHERS)('%s has no accessibility violations, wide, light and in German', (name) =>
    checkPage(name, 'de', 'de', '', [{ width: 1280, colorScheme: 'light' }]),
  )
})
