import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { Chromium } from './chromium.ts'
import { register } from './on-pages.ts'

const stage = inject('stage')
let chromium: Chromium

beforeAll(async () => {
  chromium = await Chromium.launch()
})
afterAll(() => chromium?.close())
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

const MODES: Readonly<Record<string, BrowserContextOptions>> = {
  'on a desktop': { viewport: { width: 1280, height: 800 } },
  // WCAG 2.2 section 1.4.10: what is left of 1280 by 1024 CSS pixels.
  'at 400 % zoom': { viewport: { width: 320, height: 256 } },
  'in forced colours': { viewport: { width: 1280, height: 800 }, forcedColors: 'active' },
}

const PASSWORD = ['Password', 'Show password: Password']
const CURRENT_PASSWORD = ['Current password', 'Show password: Current password']
const HEADER = ['Log out', 'Profile', 'Security', 'Devices', 'Delete account']
/** The accessible names of what the Tab key reaches, in this order. */
const LOGIN = ['Username, email or phone number', ...PASSWORD, 'Log in', 'Create account', 'English']
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  '/account': [
    ...HEADER,
    ...['Name', 'Picture', 'Language', 'Time zone', 'Save'],
    ...['Change', 'Username', 'Email', 'Phone number', ...CURRENT_PASSWORD, 'Save'],
    'English',
  ],
  '/account/security': [
    ...HEADER,
    ...CURRENT_PASSWORD,
    ...['New password', 'Show password: New password', 'Change password'],
    'English',
  ],
  '/account/devices': [...HEADER, 'Log out of all devices, including this one', 'English'],
  '/account/delete': [...HEADER, ...CURRENT_PASSWORD, 'Delete account', 'English'],
}

/** More than any page has. */
const MOST_STOPS = 40

interface Stop {
  readonly name: string
  /** What a person who uses the keyboard would complain about. */
  readonly faults: readonly string[]
}

/** Walks through the page from where the focus is, or from its beginning, until the focus leaves it. */
async function tabThrough(page: Page): Promise<readonly Stop[]> {
  const stops: Stop[] = []
  for (let times = 0; times < MOST_STOPS; times++) {
    const stop = await page.evaluate(readStop)
    if (stop === null && times > 0) return stops
    if (stop !== null) stops.push(stop)
    await page.keyboard.press('Tab')
  }
  throw new Error(`The focus does not leave the page after ${stops.map(({ name }) => name).join(', ')}.`)
}

/** Runs in the page. @returns null if no element has the focus */
function readStop(): Stop | null {
  const element = document.activeElement
  if (!(element instanceof HTMLElement) || element === document.body) return null
  const { outlineStyle, outlineWidth } = getComputedStyle(element)
  const { left, right, top, bottom } = element.getBoundingClientRect()
  const painted = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
  const label =
    element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels : []
  const found = {
    'no focus ring': outlineStyle !== 'solid' || Number.parseFloat(outlineWidth) < 2,
    'not in view': left < 0 || top < 0 || right > innerWidth || bottom > innerHeight,
    'under other content': !element.contains(painted),
  }
  return {
    name: (element.ariaLabel ?? label?.[0]?.textContent ?? element.textContent).trim(),
    faults: Object.entries(found).flatMap(([fault, isFound]) => (isFound ? fault : [])),
  }
}

/** @returns the controls without a visible border, which alone shows them where their backgrounds are not shown */
function controlsWithoutBorder(page: Page): Promise<readonly string[]> {
  return page.locator('input:not([type=hidden]), select, .button').evaluateAll((controls) =>
    controls.flatMap((control) => {
      const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(control)
      const isSeen = borderTopStyle === 'solid' && Number.parseFloat(borderTopWidth) >= 1
      return isSeen && borderTopColor !== backgroundColor ? [] : control.outerHTML
    }),
  )
}

async function checkStops(page: Page, names: readonly string[]): Promise<void> {
  const stops = await tabThrough(page)
  expect(stops).toEqual(names.map((name) => ({ name, faults: [] })))
  expect(await controlsWithoutBorder(page)).toEqual([])
  const [needed, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  expect(needed).toBeLessThanOrEqual(width ?? 0)
}

describe.each(Object.entries(MODES))('%s', (_mode, options) => {
  it('login shows the focus at each step, in the order of the page, without horizontal scrolling', async () => {
    const page = await (await chromium.visitor(options)).newPage()
    await page.goto(`${stage.url}/login`)
    await page.locator('[name=identifier]:focus').waitFor()
    await checkStops(page, LOGIN)
  })

  it('each section of the account shows the focus at each step, in the order of the page, without horizontal scrolling', async () => {
    const page = await (await chromium.visitor(options)).newPage()
    await register(page)
    for (const [path, names] of Object.entries(SECTIONS)) {
      await page.goto(stage.url + path)
      for (const more of await page.locator('.more').all()) {
        await more.evaluate((details) => details.setAttribute('open', ''))
      }
      await checkStops(page, names)
    }
  })
})
