/** A browser without scripts: it keeps cookies, sends forms from the page they are on, and follows where it is sent. */
import { call, newAddress, worker } from './client.ts'

export interface Page {
  readonly status: number
  /** Path and query. */
  readonly url: string
  readonly html: string
  readonly headers: Headers
}

type Fields = Readonly<Record<string, string>>

export class Browser {
  readonly #cookies = new Map<string, string>()
  readonly #headers: Record<string, string>
  readonly #fetch: typeof worker
  readonly #keepsCookies: boolean
  /** Whose forms stood on the last page that had some. */
  #account = ''

  constructor(headers: Readonly<Record<string, string>> = {}, fetch = worker, keepsCookies = true) {
    this.#headers = { 'CF-Connecting-IP': newAddress(), ...headers }
    this.#fetch = fetch
    this.#keepsCookies = keepsCookies
  }

  open(path: string): Promise<Page> {
    return this.#visit('GET', path, {})
  }

  /** @param headers in place of what a browser says of its own form */
  send(path: string, fields: Fields, headers: Fields = { 'Sec-Fetch-Site': 'same-origin' }): Promise<Page> {
    const account = path.startsWith('/account/') ? { account: this.#account } : {}
    const body = new URLSearchParams({ ...account, ...fields }).toString()
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    return this.#visit('POST', path, { headers: { ...type, ...headers }, body })
  }

  get account(): string {
    return this.#account
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name)
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(name, value)
  }

  /** One that knows what this one knows, and says something else of itself. */
  copy(headers: Readonly<Record<string, string>> = {}, fetch = this.#fetch): Browser {
    const other = new Browser({ ...this.#headers, ...headers }, fetch)
    for (const [name, value] of this.#cookies) other.setCookie(name, value)
    other.#account = this.#account
    return other
  }

  async #visit(
    method: string,
    path: string,
    { headers, body }: { headers?: Fields; body?: string },
  ): Promise<Page> {
    const Cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const sent = { ...this.#headers, ...(Cookie !== '' && { Cookie }), ...headers }
    const answer = await call(method, path, { headers: sent, body }, (request) =>
      this.#fetch(new Request(request, { redirect: 'manual' })),
    )
    for (const cookie of this.#keepsCookies ? answer.headers.getSetCookie() : []) this.#keep(cookie)
    const to = answer.headers.get('Location')
    if (to?.startsWith('/')) return this.#visit('GET', to, {})
    const url = to ?? path
    const html = await answer.text()
    this.#account = /name="account" value="([^"]+)"/.exec(html)?.[1] ?? this.#account
    return { status: answer.status, url, html, headers: answer.headers }
  }

  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    if (/; Max-Age=0/.test(cookie)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

/** The text that an element with this id has, such as an error's. */
export function textOf(page: Page, id: string): string | undefined {
  return new RegExp(`id="${id}"[^>]*>([^<]*)<`).exec(page.html)?.[1]
}

export function alertOf(page: Page): string | undefined {
  return /role="alert"[^>]*>([^<]*)</.exec(page.html)?.[1]
}
