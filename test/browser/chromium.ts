/** A real browser that forgives nothing: whatever its console calls an error fails the test. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']

/** What is not there by then is not coming. */
const PATIENCE_MS = 15_000

/** What Chromium reports of an answer that a test asks for: a refusal, or no network. */
const EXPECTED =
  /^Failed to load resource: (the server responded with a status of 4(01|03|09|22|29) |net::ERR_(INTERNET_DISCONNECTED|FAILED|CONNECTION_REFUSED))/

export class Chromium {
  readonly #browser: Browser
  readonly #faults: string[] = []
  #visitors = 0

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async launch(): Promise<Chromium> {
    return new Chromium(await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS }))
  }

  /** Somebody with a browser, at an address of their own. */
  async visitor(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    this.#visitors += 1
    const address = { 'CF-Connecting-IP': `10.8.${process.pid % 250}.${this.#visitors}` }
    const context = await this.#browser.newContext(options)
    // On its way out: a header of the page's own would be one that CORS asks about.
    await context.route('**/*', (route) => {
      return route.continue({ headers: { ...route.request().headers(), ...address } })
    })
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error(`CSP: ${violatedDirective} refused ${blockedURI}`)
      })
    })
    context.setDefaultTimeout(PATIENCE_MS)
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

  /** What went wrong since the last call. */
  takeFaults(): readonly string[] {
    return this.#faults.splice(0)
  }

  close(): Promise<void> {
    return this.#browser.close()
  }
}
