/** What a visitor does on the hosted pages. */
import type { Page } from 'playwright-core'
import { inject } from 'vitest'

export const PASSWORD = 'correct horse battery staple'

const stage = inject('stage')
let people = 0

export const newName = () => `visitor${++people}.${process.pid}`
export const submit = (page: Page) =>
  page.locator('main > form:not([action^="/logout"]) > button[type=submit]').click()

export async function register(page: Page, name = newName()): Promise<string> {
  await page.goto(`${stage.url}/register`)
  await page.locator('[name=identifier]').fill(name)
  await page.locator('[name=password]').fill(PASSWORD)
  await submit(page)
  await page.waitForURL('**/account')
  return name
}

export async function logIn(page: Page, name: string): Promise<void> {
  await page.goto(`${stage.url}/login`)
  await page.locator('[name=identifier]').fill(name)
  await page.locator('[name=password]').fill(PASSWORD)
  await submit(page)
  await page.waitForURL('**/account')
}

export async function guess(page: Page, name: string): Promise<void> {
  await page.locator('[name=identifier]').fill(name)
  await page.locator('[name=password]').fill('a guess that is wrong')
  await submit(page)
  await page.locator('form[aria-busy]').waitFor({ state: 'detached' })
  await page.getByRole('alert').waitFor()
}
