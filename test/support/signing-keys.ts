/** Signing keys as operators manage them, as D1 stores them and as tokens name them. */

import { env } from 'cloudflare:workers'
import { decodeProtectedHeader, type JWK } from 'jose'
import { expect, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { admin, codeOf } from './admin.ts'
import { call, type Fetch, newPerson, ok, refresh, workerWith } from './client.ts'
import type { Watched } from './counting.ts'
import { runCron } from './database.ts'
import type { KeyList, ListedKey, Tokens } from './responses.ts'

export const DAY = 86_400
export const NEW_SECRET = 'the secret that comes, long enough for production'
export const RSA = { SIGNING_ALG: 'RS256' }

export const listKeys = async (by: Fetch = workerWith({})) =>
  (await ok<KeyList>(admin('GET', '/admin/keys', undefined, by))).keys
export const rotate = async (by: Fetch = workerWith({})) =>
  (await ok<KeyList>(admin('POST', '/admin/keys/rotate', undefined, by), 202)).keys
export const requestRemoval = (kid: string, by: Fetch = workerWith({})) =>
  admin('DELETE', `/admin/keys/${kid}`, undefined, by)
export const removeKey = (kid: string, by?: Fetch) => ok(requestRemoval(kid, by), 204)
/** A cron run of a Worker with other settings, in an isolate of its own. */
export const cronWith = (changes: Partial<Env>) => runCron({ ...env, ...changes })

export const kidOf = (token: string) => String(decodeProtectedHeader(token).kid)
export const me = (bearer: string, by: Fetch = workerWith({})) =>
  codeOf(call('GET', '/auth/me', { bearer }, by))
export const publishedKids = async (by: Fetch = workerWith({})) => {
  const { keys } = await ok<{ keys: readonly JWK[] }>(call('GET', '/.well-known/jwks.json', {}, by))
  return keys.map(({ kid }) => kid)
}
export const keyRows = async () =>
  (await env.DB.prepare('SELECT * FROM signing_keys ORDER BY kid').all()).results
export const storedKids = async () => (await keyRows()).map(({ kid }) => kid)
export const states = (keys: readonly ListedKey[]) => keys.map(({ kid, state }) => [state, kid])

/** The key ids of a new key set: the signing key and the next key. */
export async function firstTwo(by: Fetch): Promise<readonly [string, string]> {
  const [signing, next] = await listKeys(by)
  if (signing === undefined || next === undefined) throw new Error('no two keys')
  return [signing.kid, next.kid]
}

/** @returns a function that lets an isolate sign the next access token of one session */
export async function newSigner(by: Fetch = workerWith({})) {
  let { refresh_token } = await newPerson(by)
  return async (isolate: Fetch = workerWith({})) => {
    const tokens = await ok<Tokens>(refresh(refresh_token, isolate))
    refresh_token = tokens.refresh_token
    return tokens.access_token
  }
}

/** Records the log from now on. */
export function recordLog() {
  const lines: string[] = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
  const events = (name: string) => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name)
  return { lines, events }
}

/**
 * Starts work and holds back the result of its first read of the keys.
 *
 * @returns a function that lets the work continue with that result
 */
export async function afterReading<T>(watched: Watched, work: () => Promise<T>) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  watched.reset()
  watched.fail('read', { until: released })
  const working = work()
  await vi.waitFor(() => expect(watched.counts.d1).toBeGreaterThan(0))
  await keyRows()
  watched.mend()
  return async () => {
    release()
    return working
  }
}

export const damage = (kid: string, assignment: string) =>
  env.DB.prepare(`UPDATE signing_keys SET ${assignment} WHERE kid = ?1`).bind(kid).run()
