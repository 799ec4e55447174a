/** Sessions whose refresh token is in a cookie. */

import { expect } from 'vitest'
import { call, newName, PASSWORD } from './client.ts'
import type { Tokens } from './responses.ts'

export const APP = 'https://app.example.test'
export const COOKIE_NAME = '__Secure-gatehouse_refresh'
export const OWN_PAGE = { Origin: APP, 'X-Gatehouse-CSRF': '1' }

export interface CookieSession {
  readonly name: string
  readonly tokens: Tokens
  /** As a browser sends it. */
  readonly cookie: string
}

export function cookieOf(response: Response): string {
  return response.headers.get('Set-Cookie')?.split(';')[0] ?? ''
}

export async function newCookieSession(fetch?: Parameters<typeof call>[3]): Promise<CookieSession> {
  const name = newName()
  const body = { username: name, password: PASSWORD, transport: 'cookie' }
  const response = await call('POST', '/auth/register', { body, headers: { Origin: APP } }, fetch)
  expect(response.status).toBe(201)
  return { name, tokens: await response.json(), cookie: cookieOf(response) }
}

export const byCookie = (path: string, cookie: string, headers: Record<string, string> = OWN_PAGE) =>
  call('POST', path, { headers: { Cookie: cookie, ...headers } })
