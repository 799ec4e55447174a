/** WebKitGTK, with the driver and the small browser of Debian's package. They draw on a screen that only exists in memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Builder, By, until, type WebDriver, type WebElement } from 'selenium-webdriver'
import { vi } from 'vitest'
import { freePort } from '../dev/project.ts'
import type { Browser, Tab } from './browsers.ts'

const DRIVER = process.env.WEBKIT_DRIVER ?? '/usr/bin/WebKitWebDriver'
const XVFB = '/usr/bin/Xvfb'
export const WEBKIT_PROGRAMS = [DRIVER, XVFB]

/** How long to wait for an element. */
const TIMEOUT_MS = 15_000

/** The driver cannot set headers, so the visitor has the IP address of this machine. */
export async function launchWebKit(): Promise<Browser> {
  const programs: ChildProcess[] = []
  const stop = () => programs.forEach((program) => void program.kill())
  try {
    const driver = await startDriver(await startScreen(programs), programs)
    const close = () => driver.quit().finally(stop)
    return { newTab: () => newTab(driver), takeFaults: () => [], close }
  } catch (error) {
    stop()
    throw error
  }
}

/** @returns the name of the display */
async function startScreen(programs: ChildProcess[]): Promise<string> {
  // Xvfb chooses a free display and writes its number.
  const options = ['-displayfd', '1', '-nolisten', 'tcp']
  const screen = spawn(XVFB, options, { stdio: ['ignore', 'pipe', 'ignore'] })
  programs.push(screen)
  const [number] = await once(screen.stdout, 'data', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return `:${String(number).trim()}`
}

async function startDriver(display: string, programs: ChildProcess[]): Promise<WebDriver> {
  const port = await freePort()
  const env = { ...process.env, DISPLAY: display }
  programs.push(spawn(DRIVER, [`--port=${port}`], { env, stdio: 'ignore' }))
  const url = `http://127.0.0.1:${port}`
  await vi.waitFor(() => fetch(`${url}/status`), { timeout: TIMEOUT_MS })
  return new Builder().usingServer(url).forBrowser('MiniBrowser').build()
}

/** Commands go to the tab that was selected last, so one tab is used at a time. */
async function newTab(driver: WebDriver): Promise<Tab> {
  await driver.switchTo().newWindow('tab')
  const handle = await driver.getWindowHandle()
  const select = () => driver.switchTo().window(handle)
  const find = async (selector: string): Promise<WebElement> => {
    await select()
    const element = await driver.wait(until.elementLocated(By.css(selector)), TIMEOUT_MS)
    return driver.wait(until.elementIsVisible(element), TIMEOUT_MS)
  }
  return {
    goto: async (url) => {
      await select()
      await driver.get(url)
    },
    evaluate: async (read) => {
      await select()
      return driver.executeScript(read)
    },
    locator: (selector) => ({
      fill: async (text) => {
        const element = await find(selector)
        await element.clear()
        await element.sendKeys(text)
      },
      click: async () => (await find(selector)).click(),
    }),
  }
}
