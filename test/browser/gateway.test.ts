/** An origin behind the gateway that attacks the hosted pages of the same address, in a real browser. */
import { createServer } from 'node:http'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project } from '../dev/project.ts'
import { Chromium } from './chromium.ts'

const PASSWORD = 'correct horse battery staple'
const ATTACK = `<!doctype html><title>quiet</title><link rel="icon" href="data:,">
<form method="post" action="/account/profile"><input name="username" value="taken.over"><button>Win</button></form>
<script>document.title = 'running'</script>`

const project = new Project()
const port = await freePort()
const service = `http://localhost:${port}`
const shop = `http://shop.localhost:${port}`
const hostile = createServer((request, response) => {
  const isScript = request.url?.endsWith('.js')
  response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
  response.end(isScript ? 'self.addEventListener("fetch", () => undefined)' : ATTACK)
})

let chromium: Chromium

beforeAll(async () => {
  const originPort = await freePort()
  await new Promise<void>((resolve) => hostile.listen(originPort, '127.0.0.1', resolve))
  const route = { origin: `http://127.0.0.1:${originPort}`, required: false }
  const gateway = { '/api': route, '/shop': { ...route, pages: true } }
  const settings = [`GATEWAY:${JSON.stringify(gateway)}`, 'GATEWAY_HOSTS:shop.localhost']
  await project.dev(port, ...settings.flatMap((setting) => ['--var', setting])).says('Gatehouse serves')
  chromium = await Chromium.launch()
})
afterAll(async () => {
  await chromium?.close()
  hostile.close()
  await project.stop()
  project.remove()
})

let people = 0

/** A browser that is logged in on the hosted pages and opens a page of the origin in another tab. */
async function victim(hostilePage: string) {
  const context = await chromium.visitor()
  const own = await context.newPage()
  const name = `victim${++people}.${process.pid}`
  await own.goto(`${service}/register`)
  await own.locator('[name=identifier]').fill(name)
  await own.locator('[name=password]').fill(PASSWORD)
  await own.locator('main > form:not([action^="/logout"]) > button[type=submit]').click()
  await own.waitForURL('**/account')
  const page = await context.newPage()
  const status = (await page.goto(hostilePage))?.status()
  return { own, page, name, status }
}

/** What a script in the page reads of the account page. */
const readAccount = (page: Page, url: string) =>
  page.evaluate(
    (url) =>
      fetch(url, { credentials: 'include' }).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => 'blocked',
      ),
    url,
  )

/** The content of a frame of the page, as far as scripts of the page can read it. */
const readFrame = (page: Page, url: string) =>
  page.evaluate(async (url) => {
    const frame = document.createElement('iframe')
    frame.src = url
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
    document.body.append(frame)
    await loaded
    try {
      return frame.contentDocument?.body.textContent ?? 'blocked'
    } catch {
      return 'blocked'
    }
  }, url)

const registerWorker = (page: Page, url: string) =>
  page.evaluate(async (url) => {
    try {
      await navigator.serviceWorker.register(url)
      return 'registered'
    } catch {
      return 'blocked'
    }
  }, url)

/** Sends the page's form to an address. @returns the status of the response */
async function sendForm(page: Page, url: string): Promise<number> {
  const responded = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.locator('form').evaluate((form, url) => form.setAttribute('action', url), url)
  await page.getByRole('button').click()
  return (await responded).status()
}

async function expectUnharmed(own: Page, name: string): Promise<void> {
  await own.goto(`${service}/account`)
  expect(await own.textContent('main')).toContain(`You are logged in as ${name}.`)
}

describe('a document of a gateway route without pages', () => {
  it('runs no script, sends no form and has an opaque origin', async () => {
    const { own, page, name, status } = await victim(`${service}/api/attack`)
    expect([status, await page.title()]).toEqual([200, 'quiet'])
    expect(await page.evaluate(() => globalThis.origin)).toBe('null')
    const sent: string[] = []
    page.on('request', (request) => sent.push(request.method()))
    await page.getByRole('button').click()
    await expectUnharmed(own, name)
    expect(sent).toEqual([])
    const faults = chromium.takeFaults().join()
    expect(faults).toContain('Blocked script execution')
    expect(faults).toContain('Blocked form submission')
  })

  it('answers 404 for a route with pages on the host of the hosted pages', async () => {
    const { status } = await victim(`${service}/shop/attack`)
    expect(status).toBe(404)
  })
})

describe('a document of a gateway route with pages', () => {
  it('runs scripts of an origin on its own host, where they cannot read the hosted pages or send their forms', async () => {
    const { own, page, name, status } = await victim(`${shop}/shop/attack`)
    expect([status, await page.title()]).toEqual([200, 'running'])
    expect(await readAccount(page, `${service}/account`)).toBe('blocked')
    expect(await readAccount(page, `${shop}/account`)).toMatch(/^404 /)
    expect(await readFrame(page, `${service}/account`)).toBe('blocked')
    expect(await registerWorker(page, `${shop}/shop/worker.js`)).toBe('registered')
    expect(await sendForm(page, `${service}/account/profile`)).toBe(403)
    await expectUnharmed(own, name)
  })
})

describe('a service worker of an origin', () => {
  it('refuses to serve a service worker of an origin on the host of the hosted pages', async () => {
    const { own, name } = await victim(`${service}/api/attack`)
    // Even a script in the hosted pages themselves could not register one.
    expect(await registerWorker(own, `${service}/api/worker.js`)).toBe('blocked')
    await expectUnharmed(own, name)
  })
})
