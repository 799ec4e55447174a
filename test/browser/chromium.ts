/** A real browser, in which each error and warning of the console fails the test. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { expect } from 'vitest'

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell'
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** How long to wait for an element. */
const TIMEOUT_MS = 15_000

/** What Chromium logs of responses that tests provoke: a rejection, or no network. */
const EXPECTED =
  /^Failed to load resource: (the server responded with a status of 4(01|03|09|22|29) |net::ERR_(INTERNET_DISCONNECTED|FAILED|CONNECTION_REFUSED))/

let visitors = 0

/** @returns an IP address that no other visitor has */
export function newAddress(): string {
  visitors += 1
  return `10.${(process.pid >> 8) & 255}.${process.pid & 255}.${visitors}`
}

export class Chromium {
  readonly #browser: Browser
  readonly #faults: string[] = []

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async launch(): Promise<Chromium> {
    return new Chromium(await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS }))
  }

  /** A browser of a new visitor, with its own IP address. */
  async visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const address = { 'CF-Connecting-IP': newAddress() }
    const context = await this.#browser.newContext(options)
    // Added to requests as they leave: CORS would require permission for a header that the page sets.
    await context.route('**/*', (route) => {
      return route.continue({ headers: { ...route.request().headers(), ...address } })
    })
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error(`CSP: ${violatedDirective} refused ${blockedURI}`)
      })
    })
    context.setDefaultTimeout(TIMEOUT_MS)
    context.on('page', (page) => this.#watch(page))
    return context
  }

  #watch(page: Page): void {
    page.on('pageerror', (error) => this.#faults.push(`${page.url()}: ${error.message}`))
    page.on('console', (message) => {
      const bad = message.type() === 'error' || message.type() === 'warning'
      if (bad && !EXPECTED.test(message.text())) this.#faults.push(`${page.url()}: ${message.text()}`)
    })
  }

  /** The errors since the last call. */
  takeFaults(): readonly string[] {
    return this.#faults.splice(0)
  }

  close(): Promise<void> {
    return this.#browser.close()
  }
}

/** For developers who change a page, if the variable SCREENSHOTS is set. Git ignores them. */
const SCREENSHOTS = 'test/browser/screenshots'
const KEEPS_SCREENSHOTS = process.env.SCREENSHOTS !== undefined

/** Each page parses it anew, so its shorter build. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const ONE_PIXEL = { x: 0, y: 0, width: 1, height: 1 }

export interface Look {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
}

export const LOOKS: readonly Look[] = [360, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
)

/**
 * Shows a page, by default narrow and wide, light and dark, and fails if one has accessibility violations or scrolls
 * horizontally.
 */
export async function checkLooks(page: Page, name: string, looks: readonly Look[] = LOOKS): Promise<void> {
  await page.evaluate(AXE)
  for (const { width, colorScheme } of looks) {
    const look = `${width}-${colorScheme}`
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme })
    const file = KEEPS_SCREENSHOTS
      ? { path: `${SCREENSHOTS}/${name}-${look}.png`, fullPage: true }
      : { clip: ONE_PIXEL }
    // Ends transitions between colors, whose contrast may be too low.
    await page.screenshot({ ...file, animations: 'disabled' })
    expect([look, ...(await violationsOf(page))]).toEqual([look])
    const needed = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(needed, look).toBeLessThanOrEqual(width)
  }
}

/** WCAG 2.2 section 2.5.8 (AA). axe-core checks it on request alone. All other rules, best practices too, are on. */
const RULES = { 'target-size': { enabled: true } }

async function violationsOf(page: Page): Promise<readonly string[]> {
  const { violations } = await page.evaluate(
    (rules) =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(
        // Browsers draw the options of a list themselves. Hundreds of them, such as time zones, take seconds to check.
        { exclude: [['option']] },
        { rules, resultTypes: ['violations'] },
      ),
    RULES,
  )
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
