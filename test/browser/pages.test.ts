import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { Chromium } from './chromium.ts'
import { guess, logIn, newName, PASSWORD, register, submit } from './on-pages.ts'
import { elsewhere } from './stage.ts'

const stage = inject('stage')
let chromium: Chromium

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

/** Registers with a cookie, as an app of the same site does. @returns the access token */
function registerInApp(page: Page): Promise<string> {
  return page.evaluate(
    async (account) => {
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch('/auth/register', {
        method: 'POST',
        headers,
        body: JSON.stringify(account),
      })
      return String((await response.json()).access_token)
    },
    { username: newName(), password: PASSWORD, transport: 'cookie' },
  )
}

function isAlive(page: Page, accessToken: string): Promise<boolean> {
  return page.evaluate(async (token) => {
    const response = await fetch('/auth/me', { headers: { Authorization: `Bearer ${token}` } })
    return response.ok
  }, accessToken)
}

/** Waits for the message of what was done. */
const says = (page: Page, text: string) => page.getByRole('status').getByText(text).waitFor()

describe('the hosted pages in a browser', () => {
  it('registers, requires a proof of work after three wrong passwords, solves it and logs in', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(stage.url)
    expect(page.url()).toBe(`${stage.url}/login`)
    await page.getByRole('link', { name: 'Create account' }).click()
    const name = await register(page)
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    await says(page, 'You are logged out.')
    for (let times = 1; times <= 3; times++) {
      expect(await page.locator('altcha-widget').count()).toBe(0)
      await guess(page, name)
    }
    await page.locator('[name=challenge]:not([value=""])').waitFor({ state: 'attached' })
    await page.getByText('Verified').waitFor()
    await page.locator('[name=password]').fill(PASSWORD)
    await submit(page)
    await page.waitForURL('**/account')
    expect(await page.textContent('main')).toContain(`You are logged in as ${name}.`)
  })

  it('registers once with a double click', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]').fill(newName())
    await page.locator('[name=password]').fill(PASSWORD)
    await page.locator('main > form > button[type=submit]').dblclick()
    await page.waitForURL('**/account')
  })

  it('loads the widget again when the form is sent if loading it failed before', async () => {
    const context = await chromium.visitor()
    const page = await context.newPage()
    const name = await register(page)
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    let blocked = true
    await context.route('**/altcha.js', (route) => (blocked ? route.abort() : route.fallback()))
    for (let times = 1; times <= 3; times++) await guess(page, name)
    await page.getByText('The security check could not be loaded.').waitFor()
    blocked = false
    await page.locator('[name=password]').fill(PASSWORD)
    await submit(page)
    await page.waitForURL('**/account')
  })

  it('shows a typed password on request and allows pasting one', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(`${stage.url}/login`)
    const input = page.locator('[name=password]')
    await input.fill(PASSWORD)
    await page.getByRole('button', { name: 'Show password' }).click()
    expect(await input.getAttribute('type')).toBe('text')
    await page.getByRole('button', { name: 'Hide password' }).click()
    expect(await input.getAttribute('type')).toBe('password')
    const pasted = await input.evaluate((element) => {
      const event = new ClipboardEvent('paste', {
        clipboardData: new DataTransfer(),
        bubbles: true,
        cancelable: true,
      })
      return element.dispatchEvent(event)
    })
    expect(pasted).toBe(true)
  })

  it('moves the focus to the invalid field and describes its error to screen readers', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]').fill('a@b')
    await page.locator('[name=password]').fill(PASSWORD)
    await submit(page)
    const input = page.locator('[name=identifier]')
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'identifier')
    const described = (await input.getAttribute('aria-describedby'))?.split(' ') ?? []
    expect(await page.locator(`#${described.at(-1)}`).textContent()).toContain('Enter an email address')
    expect(await page.title()).toMatch(/^Correct the fields below\./)
    await page.goto(`${stage.url}/login`)
    await guess(page, newName())
    await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'alert')
  })

  it('registers by keyboard alone', async () => {
    const page = await (await chromium.visitor()).newPage()
    const name = newName()
    await page.goto(`${stage.url}/register`)
    await page.locator('[name=identifier]:focus').waitFor()
    await page.keyboard.type(name)
    await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/account')
    expect(await page.textContent('main')).toContain(name)
  })

  it('changes the profile and the password and deletes the account without JavaScript', async () => {
    const context = await chromium.visitor({ javaScriptEnabled: false })
    const page = await context.newPage()
    const name = await register(page)
    const form = (path: string) => page.locator(`form[action="${path}"]`)
    await page.locator('.more > summary').click()
    await form('/account/profile').locator('[name=email]').fill(`${name}@example.com`)
    await form('/account/profile').locator('[name=current_password]').fill(PASSWORD)
    await form('/account/profile').getByRole('button', { name: 'Save' }).click()
    await says(page, 'Your profile is saved.')
    await page.getByRole('link', { name: 'Security' }).click()
    await form('/account/password').locator('[name=current_password]').fill(PASSWORD)
    await form('/account/password').locator('[name=new_password]').fill(`${PASSWORD}, anew`)
    await form('/account/password').getByRole('button', { name: 'Change password' }).click()
    await says(page, 'Your password is changed.')
    await page.getByRole('link', { name: 'Delete account' }).click()
    await form('/account/delete').locator('[name=current_password]').fill(`${PASSWORD}, anew`)
    await form('/account/delete').getByRole('button', { name: 'Delete account' }).click()
    await says(page, 'Your account is deleted.')
  })

  it('logs out another device without JavaScript', async () => {
    const [here, there] = [
      await (await chromium.visitor({ javaScriptEnabled: false })).newPage(),
      await (await chromium.visitor()).newPage(),
    ]
    const name = await register(here)
    await logIn(there, name)
    await here.getByRole('link', { name: 'Devices' }).click()
    await here.getByRole('button', { name: /^Log out Chrome/ }).click()
    await says(here, 'That device is logged out.')
    await there.reload()
    expect(there.url()).toBe(`${stage.url}/login`)
  })

  it('logs out all other devices', async () => {
    const [here, there] = [
      await (await chromium.visitor()).newPage(),
      await (await chromium.visitor()).newPage(),
    ]
    const name = await register(here)
    await logIn(there, name)
    await here.getByRole('link', { name: 'Devices' }).click()
    await here.getByRole('button', { name: 'Log out of all other devices' }).click()
    await says(here, 'All other devices are logged out.')
    await here.waitForURL(`${stage.url}/account/devices`)
    await there.reload()
    expect(there.url()).toBe(`${stage.url}/login`)
  })

  it('ends the session in the cookie of an app with a login on the page, and with a logout', async () => {
    const context = await chromium.visitor()
    const page = await context.newPage()
    const name = await register(page)
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    await says(page, 'You are logged out.')
    const replaced = await registerInApp(page)
    expect(await isAlive(page, replaced)).toBe(true)
    await logIn(page, name)
    expect(await isAlive(page, replaced)).toBe(false)
    await context.clearCookies({ name: 'gatehouse_refresh' })
    const beside = await registerInApp(page)
    await page.reload()
    expect(await page.textContent('main')).toContain(name)
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    await says(page, 'You are logged out.')
    expect(await isAlive(page, beside)).toBe(false)
  })

  it('returns to the app after a registration and follows its redirects', async () => {
    const page = await (await chromium.visitor()).newPage()
    const query = new URLSearchParams({ return_to: `${stage.app}/bounce` })
    await page.goto(`${stage.url}/register?${query}`)
    await page.locator('[name=identifier]').fill(newName())
    await page.locator('[name=password]').fill(PASSWORD)
    await submit(page)
    await page.waitForURL(`${elsewhere(stage.app)}/`)
  })

  it('sends requests only to the service', async () => {
    const context = await chromium.visitor()
    const asked = new Set<string>()
    context.on('request', (request) => asked.add(new URL(request.url()).origin))
    const page = await context.newPage()
    await page.goto(`${stage.url}/login`)
    for (let times = 1; times <= 3; times++) await guess(page, newName())
    await page.getByText('Verified').waitFor()
    // The origin of the empty icon and of ALTCHA's worker is "null".
    expect([...asked].filter((origin) => origin !== 'null')).toEqual([stage.url])
  })
})
