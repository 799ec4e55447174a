/** The real service, as `npm run dev` starts it, with somebody who has an account. */
import { readFileSync, writeFileSync } from 'node:fs'
import { decodeProtectedHeader } from 'jose'
import { freePort, Project } from '../dev/project.ts'
import { startRawOrigin } from '../support/raw-origin.ts'

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly user: { readonly id: string }
}

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

  async post<Answer>(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Answer
  }

  /** What the operator may do. */
  async admin(method: string, path: string, body?: object): Promise<Response> {
    const token = /^ADMIN_TOKEN=(.*)$/m.exec(readFileSync(this.#project.path('.dev.vars'), 'utf8'))?.[1]
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(this.url + path, { method, headers, ...sent })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  /** From an address of its own: few may be registered from one. */
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

  /** What the gateway says to an origin that took the service's own audience: all of an access token, but its type. */
  async assertionFor(token: string): Promise<string> {
    const answer = await fetch(`${this.url}/api/x`, { headers: { Authorization: `Bearer ${token}` } })
    const assertion = /^x-auth-assertion: (.*)\r$/im.exec(await answer.text())?.[1]
    if (assertion === undefined) throw new Error(`no assertion: ${answer.status}`)
    return assertion
  }

  /** Nobody answers there any more. */
  stop(): Promise<void> {
    return this.#project.stop()
  }

  remove(): void {
    this.#project.remove()
  }
}
