import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import './app.ts'
import { Chromium } from './chromium.ts'
import { type Stage, startStage } from './stage.ts'

const PASSWORD = 'correct horse battery staple'
const WRONG = 'a guess that is wrong'

let chromium: Chromium
beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

describe.each(['turnstile', 'hcaptcha'] as const)('the widget of a fake %s', (provider) => {
  let stage: Stage
  let stop: () => Promise<void>
  let people = 0
  beforeAll(async () => {
    ;({ stage, stop } = await startStage(provider))
  })
  afterAll(() => stop?.())

  const newName = () => `${provider}${++people}.${process.pid}`
  const tick = (page: Page) => page.getByLabel(`${provider}: I am a person (fake provider)`).check()

  async function submit(page: Page, name: string, password: string): Promise<void> {
    await page.locator('[name=identifier]').fill(name)
    await page.locator('[name=password]').fill(password)
    await page.locator('main > form > button[type=submit]').click()
  }

  it('shows the widget on the login page after three wrong passwords, and holds a form back until it is solved', async () => {
    const page = await (await chromium.visitor()).newPage()
    const name = newName()
    await page.goto(`${stage.url}/register`)
    await submit(page, name, PASSWORD)
    await page.waitForURL('**/account')
    await page.getByRole('button', { name: 'Log out', exact: true }).click()
    for (let times = 1; times <= 3; times++) {
      await submit(page, name, WRONG)
      await page.getByRole('alert').waitFor()
    }
    await submit(page, name, PASSWORD)
    await page.getByText('Please wait. The security check is not finished yet.').waitFor()
    await tick(page)
    await page.waitForURL('**/account')
    expect(await page.textContent('main')).toContain(`You are logged in as ${name}.`)
  })

  it('shows the widget in the element of an app anew for each attempt', async () => {
    const page = await (await chromium.visitor()).newPage()
    const name = newName()
    await page.goto(`${stage.app}/?`)
    await page.waitForFunction(() => 'client' in window)
    const enter = (password: string) =>
      page.evaluate(
        ({ name, password }) => outcome(client.logIn({ identifier: name, password }).then(() => 'in')),
        { name, password },
      )
    await page.evaluate(({ name, password }) => client.register({ username: name, password }), {
      name,
      password: PASSWORD,
    })
    for (let times = 1; times <= 3; times++) await enter(WRONG)
    for (const [password, expected] of [
      [WRONG, { error: { code: 'invalid_credentials' } }],
      [PASSWORD, { value: 'in' }],
    ] as const) {
      const login = enter(password)
      await tick(page)
      expect(await login).toMatchObject(expected)
      expect(await page.locator('#challenge > *').count()).toBe(0)
    }
  })
})
