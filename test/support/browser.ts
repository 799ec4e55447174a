/** A browser without scripts: it keeps cookies, submits forms and follows redirects. */
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
  /** The account of the last page that had account forms; those forms send it along. */
  #account = ''

  constructor(headers: Readonly<Record<string, string>> = {}, fetch = worker, keepsCookies = true) {
    this.#headers = { 'CF-Connecting-IP': newAddress(), ...headers }
    this.#fetch = fetch
    this.#keepsCookies = keepsCookies
  }

  open(path: string): Promise<Page> {
    return this.#visit('GET', path, {})
  }

  /** Submits a form. @param headers in place of those that a browser sends with a form of the same origin */
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

  /** A browser with the same cookies that sends other headers. */
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
    const response = await call(method, path, { headers: sent, body }, (request) =>
      this.#fetch(new Request(request, { redirect: 'manual' })),
    )
    for (const cookie of this.#keepsCookies ? response.headers.getSetCookie() : []) this.#keep(cookie)
    const to = response.headers.get('Location')
    if (to?.startsWith('/')) return this.#visit('GET', to, {})
    const url = to ?? path
    const html = await response.text()
    this.#account = /name="account" value="([^"]+)"/.exec(html)?.[1] ?? this.#account
    return { status: response.status, url, html, headers: response.headers }
  }

  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    if (/; Max-Age=0/.test(cookie)) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

/** The text of the element with the given id, such as an error. */
export function textOf(page: Page, id: string): string | undefined {
  return new RegExp(`id="${id}"[^>]*>([^<]*)<`).exec(page.html)?.[1]
}

export function alertOf(page: Page): string | undefined {
  return /role="alert"[^>]*>([^<]*)</.exec(page.html)?.[1]
}
