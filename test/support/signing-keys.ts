/** The signing keys: what operators see of them, what is stored, and what signs. */
import { env } from 'cloudflare:workers'
import { decodeProtectedHeader, type JWK } from 'jose'
import { expect, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { admin, codeOf } from './admin.ts'
import { call, type Fetch, newPerson, ok, refresh, type Tokens, workerWith } from './client.ts'
import type { Watched } from './counting.ts'
import { runCron } from './database.ts'

export const DAY = 86_400
export const COMING = 'the secret that comes, long enough for production'
export const RSA = { SIGNING_ALG: 'RS256' }

export interface Key {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'signing' | 'retired'
  readonly created_at: string
  readonly signs_from: string
  readonly verifies_until: string | null
}

export interface Keys {
  readonly keys: readonly Key[]
}

export const see = async (by: Fetch = workerWith({})) =>
  (await ok<Keys>(admin('GET', '/admin/keys', undefined, by))).keys
export const rotate = async (by: Fetch = workerWith({})) =>
  (await ok<Keys>(admin('POST', '/admin/keys/rotate', undefined, by), 202)).keys
export const remove = (kid: string, by: Fetch = workerWith({})) =>
  admin('DELETE', `/admin/keys/${kid}`, undefined, by)
export const removed = (kid: string, by?: Fetch) => ok(remove(kid, by), 204)
/** A cron run of a Worker with other settings, in an isolate of its own. */
export const cronWith = (changes: Partial<Env>) => runCron({ ...env, ...changes })

export const kidOf = (token: string) => String(decodeProtectedHeader(token).kid)
export const me = (bearer: string, by: Fetch = workerWith({})) =>
  codeOf(call('GET', '/auth/me', { bearer }, by))
export const published = async (by: Fetch = workerWith({})) => {
  const { keys } = await ok<{ keys: readonly JWK[] }>(call('GET', '/.well-known/jwks.json', {}, by))
  return keys.map(({ kid }) => kid)
}
export const rows = async () =>
  (await env.DB.prepare('SELECT * FROM signing_keys ORDER BY kid').all()).results
export const storedKids = async () => (await rows()).map(({ kid }) => kid)
export const states = (keys: readonly Key[]) => keys.map(({ kid, state }) => [state, kid])

/** The key ids of a new key set: the one that signs and the next one. */
export async function firstTwo(by: Fetch): Promise<readonly [string, string]> {
  const [signing, next] = await see(by)
  if (signing === undefined || next === undefined) throw new Error('no two keys')
  return [signing.kid, next.kid]
}

/** @returns what has a given isolate sign one access token after another */
export async function newSigner(by: Fetch = workerWith({})) {
  let { refresh_token } = await newPerson(by)
  return async (isolate: Fetch = workerWith({})) => {
    const tokens = await ok<Tokens>(refresh(refresh_token, isolate))
    refresh_token = tokens.refresh_token
    return tokens.access_token
  }
}

/** The log's lines from now on. */
export function listen() {
  const lines: string[] = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
  const events = (name: string) => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name)
  return { lines, events }
}

/** Work whose first read of the keys is in, and kept back: it goes on with what it read by then. */
export async function afterReading<T>(watched: Watched, work: () => Promise<T>) {
  const { promise: kept, resolve: goOn } = Promise.withResolvers<void>()
  watched.reset()
  watched.fail('run', { until: kept })
  const working = work()
  await vi.waitFor(() => expect(watched.counts.d1).toBeGreaterThan(0))
  await rows()
  watched.mend()
  return async () => {
    goOn()
    return working
  }
}

export const damage = (kid: string, assignment: string) =>
  env.DB.prepare(`UPDATE signing_keys SET ${assignment} WHERE kid = ?1`).bind(kid).run()
