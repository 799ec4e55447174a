/** What the tests of the forms of the hosted pages share. */
import type { Page } from 'playwright-core'
import { inject } from 'vitest'

export const PASSWORD = 'correct horse battery staple'

let people = 0

export const newName = () => `former${++people}.${process.pid}`
export const button = (page: Page) => page.locator('main form button.wide')
export const password = (page: Page) => page.locator('[name=password]')
/** Waits for an error message. */
export const alert = (page: Page, text: string) => page.getByRole('alert').getByText(text).waitFor()

export async function typeLogin(page: Page, name: string, text: string): Promise<void> {
  await page.locator('[name=identifier]').fill(name)
  await password(page).fill(text)
}

export async function register(page: Page, name = newName()): Promise<string> {
  await page.goto(`${inject('stage').url}/register`)
  await typeLogin(page, name, PASSWORD)
  await button(page).click()
  await page.waitForURL('**/account')
  return name
}
