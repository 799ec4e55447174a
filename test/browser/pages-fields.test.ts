import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { Chromium } from './chromium.ts'
import { alert, button, newName, PASSWORD, password, typeLogin } from './page-forms.ts'

const PAGE_LIMIT_BYTES = 20 * 1024

const stage = inject('stage')
let chromium: Chromium

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

describe('a field that is checked', () => {
  it('shows the error that the service would show when the person leaves it, until it is corrected', async () => {
    const page = await (await chromium.visitor()).newPage()
    const sent: string[] = []
    page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()))
    await page.goto(`${stage.url}/register`)
    const field = page.locator('#register-identifier')
    const error = page.locator('#register-identifier-error')
    await page.waitForResponse('**/typing.js')
    await page.keyboard.type('a@b')
    expect(await error.count()).toBe(0)
    await page.keyboard.press('Tab')
    await error.getByText('Enter an email address').waitFor()
    expect(await field.getAttribute('aria-invalid')).toBe('true')
    expect(await field.getAttribute('aria-describedby')).toBe(
      'register-identifier-hint register-identifier-error',
    )
    await field.press('End')
    await page.keyboard.type('.example')
    await error.waitFor({ state: 'detached' })
    expect(await field.getAttribute('aria-invalid')).toBeNull()
    expect(await field.getAttribute('aria-describedby')).toBe('register-identifier-hint')
    await field.fill('')
    await password(page).focus()
    expect(await error.count()).toBe(0)
    expect(sent).toEqual([])
  })

  it('does not lose the click on the button to the error that the click reveals', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(`${stage.url}/register`)
    await typeLogin(page, newName(), 'short')
    await button(page).click()
    await alert(page, 'Correct the fields below.')
    await page.locator('#register-password-error').getByText('The password is too short.').waitFor()
    await page.locator('#register-password:focus').waitFor()
  })

  it('shows the length and the strength of a new password while it is typed', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(`${stage.url}/register`)
    await typeLogin(page, 'ada.lovelace', 'ada.love')
    const strength = page.locator('.strength')
    const level = (expected: number) => page.locator(`.strength[data-level="${expected}"]`).waitFor()
    await page.keyboard.type('lace in the rain')
    await level(0)
    await strength.getByText('The password contains your username').waitFor()
    await password(page).fill('kitchen table')
    await level(2)
    await strength.getByText('Fair password').waitFor()
    expect(await strength.locator('span').textContent()).toBe('13')
    await page.keyboard.type(' with a lamp on it')
    await level(4)
    await password(page).fill('')
    await strength.waitFor({ state: 'hidden' })
  })
})

describe('a form that a limit blocks', () => {
  /** The counters of registrations block the network of a visitor. */
  async function blocked(): Promise<Page> {
    const page = await (await chromium.visitor()).newPage()
    await page.clock.install()
    await page.goto(`${stage.url}/register`)
    await page.evaluate(
      async (accounts) => {
        const headers = { 'Content-Type': 'application/json' }
        for (const body of accounts) await fetch('/auth/register', { method: 'POST', headers, body })
      },
      [1, 2, 3].map(() => JSON.stringify({ username: newName(), password: PASSWORD })),
    )
    await typeLogin(page, newName(), PASSWORD)
    await button(page).click()
    await alert(page, 'Too many accounts were created from your network. Try again in 5 minutes.')
    return page
  }

  it('counts down by the clock and can be sent when the time is over', async () => {
    const page = await blocked()
    expect(await button(page).isDisabled()).toBe(true)
    await page.clock.runFor(1000)
    await page
      .getByRole('timer')
      .getByText(/Try again in 4 min \d+ sec\./)
      .waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    // As on a device that slept: the time passes, and each timer fires once.
    await page.clock.fastForward('06:00')
    await alert(page, 'You can try again now.')
    expect(await button(page).isEnabled()).toBe(true)
    expect(await password(page).inputValue()).toBe(PASSWORD)
  })

  it('can be sent for another identifier', async () => {
    const page = await blocked()
    await page.locator('[name=identifier]').fill(newName())
    await page.locator('.alert').waitFor({ state: 'detached' })
    expect(await button(page).isEnabled()).toBe(true)
  })
})

describe('the login page', () => {
  it('loads at most 20 KiB (gzip) of HTML, CSS and scripts, and no checks of fields', async () => {
    const page = await (await chromium.visitor()).newPage()
    const bodies = new Map<string, Promise<Buffer>>()
    page.on('response', (response) => {
      if (response.url().startsWith('http')) bodies.set(response.url(), response.body())
    })
    await page.goto(`${stage.url}/login`, { waitUntil: 'networkidle' })
    const paths = [...bodies.keys()].map((url) => new URL(url).pathname)
    expect(paths.toSorted()).toEqual(['/assets/pages/page.css', '/assets/pages/page.js', '/login'])
    const sizes = (await Promise.all(bodies.values())).map((body) => gzipSync(body, { level: 9 }).length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(PAGE_LIMIT_BYTES)
  })
})
