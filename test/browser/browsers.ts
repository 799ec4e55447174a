/** The browsers in which the story of browsers.test.ts runs, behind the little of their drivers that it needs. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { CHROMIUM, Chromium, newAddress } from './chromium.ts'
import { launchWebKit, WEBKIT_PROGRAMS } from './webkit.ts'

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr'

/** The pages of Playwright and of Puppeteer are such tabs. */
export interface Tab {
  goto(url: string): Promise<unknown>
  /** Runs a function in the page. If it returns a promise, waits for its value. */
  evaluate(read: () => unknown): Promise<unknown>
  /** Both methods wait for the element. */
  locator(selector: string): Located
}

interface Located {
  fill(text: string): Promise<void>
  click(): Promise<void>
}

export interface Browser {
  newTab(): Promise<Tab>
  /** The errors and warnings of the console since the last call. WebKitGTK's driver reports none. */
  takeFaults(): readonly string[]
  close(): Promise<void>
}

/** A missing program fails the test, so that no browser is left out unnoticed. */
const needing = (programs: readonly string[], launch: () => Promise<Browser>) => async () => {
  const missing = programs.filter((program) => !existsSync(program))
  if (missing.length > 0) throw new Error(`${missing.join(', ')} must be installed: see .ci/packages`)
  return launch()
}

export const BROWSERS: Readonly<Record<string, () => Promise<Browser>>> = {
  Chromium: needing([CHROMIUM], launchChromium),
  Firefox: needing([FIREFOX], launchFirefox),
  WebKitGTK: needing(WEBKIT_PROGRAMS, launchWebKit),
}

async function launchChromium(): Promise<Browser> {
  const chromium = await Chromium.launch()
  const visitor = await chromium.visitor()
  return {
    newTab: () => visitor.newPage(),
    takeFaults: () => chromium.takeFaults(),
    close: () => chromium.close(),
  }
}

/**
 * Through WebDriver BiDi, which Firefox itself speaks. Playwright drives a Firefox of its own; Debian's lacks commands that
 * Playwright sends to others.
 */
async function launchFirefox(): Promise<Browser> {
  // Firefox does not start as root in the home of another user, as in the containers of GitHub's runners.
  const home = mkdtempSync(join(tmpdir(), 'gatehouse-firefox-'))
  const env = { ...process.env, HOME: home }
  const firefox = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, env })
  const address = { 'CF-Connecting-IP': newAddress() }
  const faults: string[] = []
  const newTab = async () => {
    const page = await firefox.newPage()
    await page.setExtraHTTPHeaders(address)
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warn'].includes(message.type())) faults.push(message.text())
    })
    return page
  }
  const close = async () => {
    await firefox.close()
    rmSync(home, { recursive: true, force: true })
  }
  return { newTab, takeFaults: () => faults.splice(0), close }
}
