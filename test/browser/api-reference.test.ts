import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project } from '../dev/project.ts'
import { Chromium, checkLooks } from './chromium.ts'

let project: Project
let url: string
let chromium: Chromium

beforeAll(async () => {
  project = new Project()
  const port = await freePort()
  url = `http://localhost:${port}`
  chromium = await Chromium.launch()
  await project.dev(port).says('Gatehouse serves')
})
afterAll(async () => {
  await chromium?.close()
  await project?.stop()
  project?.remove()
})
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

async function openOperation(page: Page, summary: string): Promise<void> {
  await page.getByText(summary, { exact: true }).first().click()
  await page.getByRole('heading', { name: summary }).waitFor()
}

/** Sends the example of the shown operation. @returns the service's response */
async function execute(page: Page, path: string) {
  const response = page.waitForResponse(url + path)
  await page.getByRole('button', { name: 'Execute' }).click()
  return response
}

describe('the API reference of npm run dev', () => {
  it('registers the account of the example, reads it with the access token, and sends nothing to other hosts', async () => {
    const page = await (await chromium.visitor()).newPage()
    const requested: string[] = []
    page.on('request', (request) => requested.push(request.url()))
    await page.goto(`${url}/docs`)
    await openOperation(page, 'Register an account and log in')
    const registered = await execute(page, '/auth/register')
    expect(registered.status()).toBe(201)
    await checkLooks(page, 'api-reference')
    await page.getByText('Authentication', { exact: true }).first().click()
    await page.getByPlaceholder('JWT').fill((await registered.json()).access_token)
    await page.getByRole('button', { name: 'Set' }).first().click()
    await page.getByText('1 API key applied').waitFor()
    await openOperation(page, 'Get the account')
    const account = await execute(page, '/auth/me')
    expect([account.status(), await account.json()]).toMatchObject([200, { username: 'ada' }])
    expect(requested.filter((to) => !to.startsWith(`${url}/`))).toEqual([])
  })
})
