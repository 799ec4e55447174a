import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project, type Run } from '../dev/project.ts'
import { Chromium } from './chromium.ts'

const PASSWORD = 'correct horse battery staple'

let project: Project
let run: Run
let chromium: Chromium
let app: string
let people = 0

beforeAll(async () => {
  project = new Project()
  const port = await freePort(5)
  app = `http://localhost:${port + 3}`
  run = project.run('example:spa', port, '--var', 'ACCESS_TOKEN_SECONDS:4')
  chromium = await Chromium.launch()
  await run.says(`The example app is at ${app}`)
})
afterAll(async () => {
  await chromium?.close()
  await project?.stop()
  project?.remove()
})
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

async function openApp(page: Page, storage: string): Promise<void> {
  await page.goto(`${app}/?storage=${storage}`)
  await page.locator('#outside:not([hidden]), #inside:not([hidden])').waitFor()
}

async function logIn(page: Page, name: string, password: string): Promise<void> {
  await page.fill('#login-identifier', name)
  await page.fill('#login-password', password)
  await page.click('#login-submit')
  await page.locator('#login-submit:not([disabled])').waitFor({ state: 'attached' })
}

describe.each(['localStorage', 'cookie'])('npm run example:spa, with %s', (storage) => {
  it('shows tokens, claims, a renewal, and a logout in another tab', async () => {
    const context = await chromium.visitor()
    const page = await context.newPage()
    const name = `example${++people}.${process.pid}`
    await openApp(page, storage)
    await page.fill('#register-username', '!')
    await page.fill('#register-password', PASSWORD)
    await page.click('#register-submit')
    await page.locator('#register-username-error:not(:empty)').waitFor()
    await page.fill('#register-username', name)
    await page.click('#register-submit')
    await page.locator('#inside').waitFor()
    await page.click('#log-out')
    await page.locator('#outside').waitFor()
    for (let times = 1; times <= 3; times++) await logIn(page, name, 'a guess that is wrong')
    await page.fill('#login-identifier', name)
    await page.fill('#login-password', PASSWORD)
    await page.click('#login-submit')
    await page.locator('altcha-widget').waitFor()
    await page.locator('#inside').waitFor()
    expect(await page.textContent('#who')).toBe(`You are logged in as ${name}.`)
    await page.waitForFunction(() => document.querySelector('#token-claims')?.textContent?.includes('"sid"'))
    await page.click('#call-whoami')
    await page.locator('#response').getByText('"session"').waitFor()
    await page.fill('#password-current', PASSWORD)
    await page.fill('#password-new', 'password')
    await page.click('#password-submit')
    await page.getByText('It is one of the most common passwords.').waitFor()
    await page.fill('#password-new', 'another horse, another staple')
    await page.click('#password-submit')
    await page.getByText('The password was changed').waitFor()
    const other = await context.newPage()
    await openApp(other, storage)
    await page.bringToFront()
    await page.getByText('Expired').waitFor()
    await page.click('#call-whoami')
    await page.locator('#token-renewals').getByText('1', { exact: true }).waitFor()
    await other.bringToFront()
    await other.click('#log-out')
    await page.locator('#outside').waitFor()
    expect(await page.textContent('#who')).toBe('You are not logged in.')
  })
})
