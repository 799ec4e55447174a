/** Sessions whose refresh token is in a cookie. */
import { expect } from 'vitest'
import { call, newName, PASSWORD, type Tokens } from './client.ts'

export const APP = 'https://app.example.test'
export const NAME = '__Secure-gatehouse_refresh'
export const OWN_PAGE = { Origin: APP, 'X-Gatehouse-CSRF': '1' }

export interface CookieSession {
  readonly name: string
  readonly tokens: Tokens
  /** As a browser sends it. */
  readonly cookie: string
}

export function cookieOf(answer: Response): string {
  return answer.headers.get('Set-Cookie')?.split(';')[0] ?? ''
}

export async function newCookieSession(fetch?: Parameters<typeof call>[3]): Promise<CookieSession> {
  const name = newName()
  const body = { username: name, password: PASSWORD, transport: 'cookie' }
  const answer = await call('POST', '/auth/register', { body, headers: { Origin: APP } }, fetch)
  expect(answer.status).toBe(201)
  return { name, tokens: await answer.json(), cookie: cookieOf(answer) }
}

export const byCookie = (path: string, cookie: string, headers: Record<string, string> = OWN_PAGE) =>
  call('POST', path, { headers: { Cookie: cookie, ...headers } })
