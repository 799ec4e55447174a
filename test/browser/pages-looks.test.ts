import type { BrowserContext, Page } from 'playwright-core'
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

const account = (page: Page, section = '') => page.goto(`${stage.url}/account${section}`)
const formTo = (page: Page, path: string) => page.locator(`form[action="${path}"]`)

/** Pages that appear after attempts that limits count. Each page has as much content as it can have. */
const NEWCOMER_PAGES = {
  'login-error': async (page: Page) => {
    await page.goto(`${stage.url}/login`)
    await guess(page, newName())
  },
  'login-challenge': async (page: Page) => {
    await page.goto(`${stage.url}/login`)
    for (let times = 1; times <= 3; times++) await guess(page, newName())
    await page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('[name=challenge]')?.value !== '',
    )
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
}

/** Pages of a visitor who is not logged in. */
const VISITOR_PAGES = {
  login: (page: Page) => page.goto(`${stage.url}/login`),
  'logged-out': (page: Page) => page.goto(`${stage.url}/login?done=logged_out`),
  languages: async (page: Page) => {
    await page.goto(`${stage.url}/login`)
    await page.locator('.menu > summary').click()
  },
  register: (page: Page) => page.goto(`${stage.url}/register`),
  'register-errors': async (page: Page) => {
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]').fill('a@b')
    await page.locator('[name=password]').fill('short')
    await submit(page)
    await page.getByRole('alert').waitFor()
  },
  closed: async (page: Page) => {
    await openRegistration(false)
    await page.goto(`${stage.url}/register`)
    await openRegistration(true)
  },
  'error-description': (page: Page) => page.goto(`${stage.url}/errors/challenge_failed`),
  'not-found': async (page: Page) => {
    await page.goto(`${stage.url}/no/such/page`)
    expect(chromium.takeFaults()).toEqual([expect.stringMatching(/\/no\/such\/page: .* 404 /)])
  },
  components: (page: Page) => page.goto(`${stage.url}/dev/components`),
  dialog: async (page: Page) => {
    await page.goto(`${stage.url}/dev/components`)
    await page.locator('[popovertarget=confirm]').first().click()
  },
}

/** Pages of a person with a long name who is logged in. */
const MEMBER_PAGES = {
  account: async (page: Page) => {
    await account(page)
    await page.locator('.more > summary').click()
  },
  'account-security': (page: Page) => account(page, '/security'),
  'account-delete': (page: Page) => account(page, '/delete'),
  'account-errors': async (page: Page) => {
    await account(page)
    await page.locator('.more > summary').click()
    const form = formTo(page, '/account/profile')
    await form.locator('[name=email]').fill('nowhere')
    await form.locator('[name=current_password]').fill(PASSWORD)
    await form.locator('button[type=submit]').click()
    await page.getByRole('alert').waitFor()
  },
  'account-details': async (page: Page) => {
    await account(page)
    const form = formTo(page, '/account/details')
    await form.locator('[name=picture]').fill('nowhere')
    await form.locator('button[type=submit]').click()
    await page.getByRole('alert').waitFor()
  },
  'account-sessions': async (page: Page) => {
    await account(page)
    const identifier = await page.locator('.who-name').textContent()
    await page.evaluate(
      (sent) =>
        fetch('/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: sent }),
      JSON.stringify({ identifier, password: PASSWORD }),
    )
    await account(page, '/devices')
    // The field is there if the login is too old.
    await page.evaluate(() => {
      const form = document.querySelector('form[action="/account/sessions/end"]')
      form?.insertAdjacentHTML('beforeend', '<input type="hidden" name="current_password" value="wrong">')
    })
    await page.locator('button[formaction="/account/sessions/end-others"]').click()
    await page.locator('#sessions-current_password-error').waitFor()
  },
  continue: (page: Page) => page.goto(`${stage.url}/login?return_to=${encodeURIComponent(`${stage.app}/`)}`),
}

const PAGES = { ...NEWCOMER_PAGES, ...VISITOR_PAGES, ...MEMBER_PAGES }
type Name = keyof typeof PAGES

const MAIN: readonly Name[] = [
  'login',
  'register',
  'account',
  'account-security',
  'account-sessions',
  'account-delete',
]
/** They change what other tests see: the settings of the service, and the errors of the console. */
const ALONE: readonly Name[] = ['closed', 'not-found']
const OTHERS = (Object.keys(PAGES) as Name[]).filter((name) => !MAIN.includes(name) && !ALONE.includes(name))

interface Language {
  /** Of the browser. */
  readonly locale: string
  /** Of the page. */
  readonly lang: string
  readonly dir: 'rtl' | null
}
const ENGLISH: Language = { locale: 'en', lang: 'en', dir: null }
const CHINESE: Language = { locale: 'zh-TW', lang: 'zh-Hant', dir: null }
const GERMAN: Language = { locale: 'de', lang: 'de', dir: null }
const ARABIC: Language = { locale: 'ar', lang: 'ar', dir: 'rtl' }

type Person = 'newcomer' | 'visitor' | 'member'

/** Its tabs are used again, since a new one takes as long as two looks. */
interface Browser {
  readonly context: BrowserContext
  readonly idle: Page[]
}
/** One visitor and one member for each language. Each newcomer has a new one. */
const browsers = new Map<string, Promise<Browser>>()

function personOf(name: Name): Person {
  if (name in NEWCOMER_PAGES) return 'newcomer'
  return name in MEMBER_PAGES ? 'member' : 'visitor'
}

function browserOf(person: Person, locale: string): Promise<Browser> {
  if (person === 'newcomer') return openBrowser(person, locale)
  const key = `${person} ${locale}`
  const browser = browsers.get(key) ?? openBrowser(person, locale)
  browsers.set(key, browser)
  return browser
}

async function openBrowser(person: Person, locale: string): Promise<Browser> {
  const context = await chromium.visitor({ locale })
  const page = await context.newPage()
  if (person === 'member') await register(page, `${'long.'.repeat(10)}${newName()}@example.com`)
  return { context, idle: [page] }
}

/** The page is loaded once and then shown in every look, since only media queries depend on them. */
async function checkPage(name: Name, { locale, lang, dir }: Language, looks = LOOKS): Promise<void> {
  const { context, idle } = await browserOf(personOf(name), locale)
  const page = idle.pop() ?? (await context.newPage())
  await PAGES[name](page)
  const html = page.locator('html')
  expect([await html.getAttribute('lang'), await html.getAttribute('dir')]).toEqual([lang, dir])
  await checkLooks(page, `${name}-${locale}`, looks)
  idle.push(page)
}

describe.each([ENGLISH, CHINESE, GERMAN, ARABIC])('in $lang', (language) => {
  it.concurrent.each(MAIN)(
    '%s has no accessibility violations and no horizontal scrolling, narrow and wide, light and dark',
    (name) => checkPage(name, language),
  )
})

const checkNarrow = (name: Name) => checkPage(name, ARABIC, [{ width: 360, colorScheme: 'dark' }])
const checkWide = (name: Name) => checkPage(name, GERMAN, [{ width: 1280, colorScheme: 'light' }])

describe('every other page and state', () => {
  it.concurrent.each(OTHERS)('%s has no accessibility violations, narrow, dark and in Arabic', checkNarrow)
  it.concurrent.each(OTHERS)('%s has no accessibility violations, wide, light and in German', checkWide)
  it.each(ALONE)('%s has no accessibility violations, narrow, dark and in Arabic', checkNarrow)
  it.each(ALONE)('%s has no accessibility violations, wide, light and in German', checkWide)
})
