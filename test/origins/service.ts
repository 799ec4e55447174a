/** The real service, as `npm run dev` starts it, with requests for registration, login and administration. */

import { readFileSync, writeFileSync } from 'node:fs'
import { decodeProtectedHeader } from 'jose'
import { freePort, Project } from '../dev/project.ts'
import { startRawOrigin } from '../support/raw-origin.ts'
import type { Tokens } from '../support/responses.ts'

const PASSWORD = 'correct horse battery staple'

export class Service {
  readonly #project = new Project()
  readonly url: string
  readonly #port: number
  #registered = 0

  private constructor(port: number) {
    this.#port = port
    this.url = `http://localhost:${port}`
  }

  static async start(): Promise<Service> {
    const service = new Service(await freePort())
    const route = { origin: await startRawOrigin(), audience: service.url, authorization: 'drop' }
    writeFileSync(service.#project.path('.dev.vars'), `GATEWAY=${JSON.stringify({ '/api': route })}\n`)
    await service.#project.dev(service.#port).says('Gatehouse serves')
    return service
  }

  async post<Result>(path: string, body: object, headers: Record<string, string> = {}): Promise<Result> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Result
  }

  /** Sends a request with the admin token. */
  async admin(method: string, path: string, body?: object): Promise<Response> {
    const token = /^ADMIN_TOKEN=(.*)$/m.exec(readFileSync(this.#project.path('.dev.vars'), 'utf8'))?.[1]
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(this.url + path, { method, headers, ...sent })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }

  /** Each from a different IP address, since registrations are limited per IP address. */
  register(username: string): Promise<Tokens> {
    const headers = { 'CF-Connecting-IP': `10.0.0.${++this.#registered}` }
    return this.post('/auth/register', { username, password: PASSWORD }, headers)
  }

  logIn(identifier: string): Promise<Tokens> {
    return this.post('/auth/login', { identifier, password: PASSWORD })
  }

  /** Removes the key that a token was signed with, so that the next one signs at once. */
  async rotateAway(token: string): Promise<void> {
    await this.admin('DELETE', `/admin/keys/${decodeProtectedHeader(token).kid}`)
  }

  /** The assertion for an origin with the service's own audience: it differs from an access token only in its type. */
  async assertionFor(token: string): Promise<string> {
    const response = await fetch(`${this.url}/api/x`, { headers: { Authorization: `Bearer ${token}` } })
    const assertion = /^x-auth-assertion: (.*)\r$/im.exec(await response.text())?.[1]
    if (assertion === undefined) throw new Error(`no assertion: ${response.status}`)
    return assertion
  }

  /** After this the service refuses connections. */
  stop(): Promise<void> {
    return this.#project.stop()
  }

  remove(): void {
    this.#project.remove()
  }
}
