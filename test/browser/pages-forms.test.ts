import type { BrowserContext, Page, Route } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { Chromium } from './chromium.ts'
import { alert, button, newName, PASSWORD, password, register, typeLogin } from './page-forms.ts'

const GUESS = 'a guess that is wrong'

const stage = inject('stage')
let chromium: Chromium

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

const isUsable = (page: Page) => page.locator('form[aria-busy]').waitFor({ state: 'detached' })

/** A login page with a wrong password typed in. */
async function typedLogin(visitor?: BrowserContext): Promise<Page> {
  const page = await (visitor ?? (await chromium.visitor())).newPage()
  await page.goto(`${stage.url}/login`)
  await typeLogin(page, newName(), GUESS)
  return page
}

/** Holds each form of a page until the test continues it. */
async function holdForms(page: Page): Promise<Route[]> {
  const held: Route[] = []
  await page.route('**/*', (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    held.push(route)
    return undefined
  })
  return held
}

const arrives = (held: readonly Route[], index: number) =>
  expect.poll(() => held.length, { timeout: 15_000 }).toBeGreaterThan(index)

/** Continues a held form when it has arrived. */
async function release(held: readonly Route[], index: number): Promise<void> {
  await arrives(held, index)
  await held[index]?.fallback()
}

describe('a form that is sent', () => {
  it('sends one request for a double click and is busy until the response', async () => {
    const page = await typedLogin()
    const held = await holdForms(page)
    await button(page).dblclick()
    expect(await page.locator('form[aria-busy=true] button.wide[data-sending]:disabled').count()).toBe(1)
    await password(page).press('Enter')
    await release(held, 0)
    await alert(page, 'Incorrect username or password.')
    expect(held).toHaveLength(1)
    expect(await button(page).isEnabled()).toBe(true)
    expect(await page.locator('[aria-busy], [data-sending]').count()).toBe(0)
  })

  it('keeps the password after an error, which no response contains, and moves the focus to the message', async () => {
    const page = await typedLogin()
    const [response] = await Promise.all([page.waitForResponse('**/auth/pages/login'), button(page).click()])
    await alert(page, 'Incorrect username or password.')
    expect(await response.text()).not.toContain(GUESS)
    expect(await password(page).inputValue()).toBe(GUESS)
    expect(page.url()).toBe(`${stage.url}/login`)
    expect(await page.title()).toMatch(/^Incorrect username or password\./)
    await page.locator('[role=alert]:focus').waitFor()
  })

  it('keeps what was typed when a challenge appears, hides a shown password and logs in with it', async () => {
    const page = await (await chromium.visitor()).newPage()
    const name = await register(page)
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    await page.waitForURL('**/login')
    await typeLogin(page, name, GUESS)
    for (let times = 1; times <= 3; times++) {
      await page.getByRole('button', { name: 'Show password' }).click()
      await button(page).click()
      await isUsable(page)
      expect(await password(page).getAttribute('type')).toBe('password')
    }
    await page.getByText('Verified').waitFor()
    expect(await page.locator('[name=identifier]').inputValue()).toBe(name)
    expect(await password(page).inputValue()).toBe(GUESS)
    await password(page).fill(PASSWORD)
    await button(page).click()
    await page.waitForURL('**/account')
  })

  it('gives what was typed to no form of another account', async () => {
    const visitor = await chromium.visitor()
    const page = await visitor.newPage()
    await register(page)
    const other = await visitor.newPage()
    await other.goto(`${stage.url}/account`)
    await other.getByRole('button', { name: 'Log out', exact: true }).click()
    await other.waitForURL('**/login')
    const name = await register(other)
    await page.locator('main summary').click()
    await page.locator('#profile-email').fill('mine@example.com')
    await page.locator('#profile-current_password').fill(PASSWORD)
    await page.locator('form[action="/account/profile"] > button').click()
    await alert(page, `You are now logged in as ${name}. Nothing was changed.`)
    expect(await page.locator('#profile-email').inputValue()).toBe('')
    expect(await page.locator('#profile-current_password').inputValue()).toBe('')
    expect(await page.locator('.who').textContent()).toContain(name)
  })
})

describe('a form that did not leave the page', () => {
  it.each([
    ['Shift+click', (page: Page) => button(page).click({ modifiers: ['Shift'] })],
    ['Ctrl+click', (page: Page) => button(page).click({ modifiers: ['Control'] })],
    ['Shift+Enter', (page: Page) => password(page).press('Shift+Enter')],
  ])('can be sent after %s, which the browser sends by itself', async (_how, send) => {
    const visitor = await chromium.visitor()
    const page = await typedLogin(visitor)
    const [elsewhere] = await Promise.all([visitor.waitForEvent('page'), send(page)])
    await alert(elsewhere, 'Incorrect username or password.')
    expect(await password(elsewhere).inputValue()).toBe('')
    await elsewhere.close()
    await button(page).click()
    await alert(page, 'Incorrect username or password.')
    expect(await password(page).inputValue()).toBe(GUESS)
  })

  it('is usable at once after Escape, and ignores the late response', async () => {
    const page = await typedLogin()
    const held = await holdForms(page)
    await button(page).click()
    await arrives(held, 0)
    await page.keyboard.press('Escape')
    await isUsable(page)
    expect(await button(page).evaluate((element) => element === document.activeElement)).toBe(true)
    await release(held, 0)
    expect(await page.getByRole('alert').count()).toBe(0)
    await button(page).click()
    await release(held, 1)
    await alert(page, 'Incorrect username or password.')
  })

  it('says that the network lost it and keeps what was typed', async () => {
    const visitor = await chromium.visitor()
    const page = await typedLogin(visitor)
    await visitor.setOffline(true)
    await button(page).click()
    await alert(page, 'No response from the service.')
    await page.locator('[role=alert]:focus').waitFor()
    expect(await password(page).inputValue()).toBe(GUESS)
    await visitor.setOffline(false)
    await button(page).click()
    await alert(page, 'Incorrect username or password.')
    expect(await page.getByRole('alert').count()).toBe(1)
  })

  it('is usable after 30 seconds without a response, which it then ignores', async () => {
    const page = await (await chromium.visitor()).newPage()
    await page.clock.install()
    await page.goto(`${stage.url}/login`)
    await typeLogin(page, newName(), GUESS)
    const held = await holdForms(page)
    await button(page).click()
    await page.clock.fastForward(30_000)
    await alert(page, 'No response from the service.')
    await release(held, 0)
    await button(page).click()
    await release(held, 1)
    await alert(page, 'Incorrect username or password.')
  })

  it.each([
    ['Escape', (page: Page) => page.keyboard.press('Escape')],
    ['Stop', async (page: Page) => (await page.context().newCDPSession(page)).send('Page.stopLoading')],
  ])('is usable if %s stops the browser on its way to the next page', async (_what, stop) => {
    const visitor = await chromium.visitor()
    const page = await visitor.newPage()
    const name = await register(page)
    await visitor.clearCookies()
    await page.goto(`${stage.url}/login`)
    await typeLogin(page, name, PASSWORD)
    const next = Promise.withResolvers<void>()
    await page.route('**/login?just_logged_in=*', () => next.resolve(), { times: 1 })
    await button(page).click()
    await next.promise
    await stop(page)
    await isUsable(page)
    await button(page).click()
    await page.waitForURL('**/account')
  })

  it('is usable after the back button', async () => {
    const page = await (await chromium.visitor()).newPage()
    await register(page)
    await page.goto(`${stage.url}/account/security`)
    const change = async (from: string, to: string) => {
      await page.locator('[name=current_password]').fill(from)
      await page.locator('[name=new_password]').fill(to)
      await page.locator('main form > button').click()
      await page.getByRole('status').getByText('Your password is changed.').waitFor()
    }
    await change(PASSWORD, `${PASSWORD} 2`)
    await page.goBack()
    await change(`${PASSWORD} 2`, `${PASSWORD} 3`)
    // A browser that kept the page shows it as it was left.
    await holdForms(page)
    await page.locator('[name=current_password]').fill(PASSWORD)
    await page.locator('[name=new_password]').fill(PASSWORD)
    await page.locator('main form > button').click()
    await page.locator('form[aria-busy]').waitFor()
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
    await isUsable(page)
  })

  it('opens the same page again if that is the next address', async () => {
    const page = await typedLogin()
    await page.locator('footer summary').click()
    await page.getByRole('button', { name: 'Deutsch' }).click()
    await page.getByRole('heading', { name: 'Anmelden' }).waitFor()
    expect(page.url()).toBe(`${stage.url}/login`)
  })

  it('shows the error of a form outside the main content in the main content', async () => {
    const visitor = await chromium.visitor()
    const page = await visitor.newPage()
    await register(page)
    const logOut = page.getByRole('button', { name: 'Log out', exact: true })
    await visitor.setOffline(true)
    await logOut.click()
    await page.locator('main h1 + .alert').getByText('No response from the service.').waitFor()
    await visitor.setOffline(false)
    const body = '<title>Refused</title><main><p role="alert">This form is refused.</p></main>'
    await page.route('**/logout', (route) => route.fulfill({ status: 403, contentType: 'text/html', body }))
    await logOut.click()
    await alert(page, 'This form is refused.')
    expect(await page.title()).toBe('Refused')
    await page.locator('main:focus').waitFor()
  })
})
