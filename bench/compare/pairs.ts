/** The comparisons: a call of Gatehouse, one of a floor or the peer, and the target ratio. */
import { request } from './load.ts'
import { loadsOn, MAX_CONCURRENCY, mapConcurrently, type Pair, post, range, type Sizes } from './pair.ts'
import { passwordPairs } from './password-pairs.ts'
import { recordSamples } from './samples.ts'
import { PASSWORD, Seeds } from './seeds.ts'
import { blockedPairs, mePairs, refreshPairs } from './session-pairs.ts'
import type { Stage } from './stage.ts'
import { tokenPairs } from './token-pairs.ts'
import type { Samples } from './worker-types.ts'

const SIZES: Sizes = {
  connections: MAX_CONCURRENCY,
  // Enough that no session is refreshed more often than about once a second.
  people: 1_024,
  // So few that their objects stay awake, and so many that none opens more sessions than an account may have.
  awake: 64,
}
/** Enough to send each call once. */
export const SMALL: Sizes = { connections: 2, people: 2, awake: 2 }
const BLOCKED = { 'CF-Connecting-IP': '192.0.2.1' }

/** Pairs that are prepared together. */
interface Group {
  /** The names of their calls. */
  readonly calls: readonly string[]
  readonly prepare: () => Promise<readonly Pair[]>
}

/**
 * Creates the accounts and tokens that the pairs need.
 * @param only a part of the names of their calls; '' for all
 * @throws if no call has such a name
 */
export async function preparePairs(stage: Stage, only = '', sizes = SIZES): Promise<readonly Pair[]> {
  const pairs: Pair[] = []
  for (const { calls, prepare } of await groupsOf(stage, sizes))
    if (calls.some((call) => call.includes(only))) pairs.push(...(await prepare()))
  const chosen = pairs.filter(({ call }) => call.includes(only))
  if (chosen.length === 0) throw new Error(`no call has a name with "${only}"`)
  return chosen
}

async function groupsOf(stage: Stage, sizes: Sizes): Promise<readonly Group[]> {
  const seeds = new Seeds(stage)
  const on = loadsOn(stage)
  const people = await mapConcurrently(range(sizes.people), () =>
    seeds.register('gatehouse-seeds', `seed.${seeds.next()}`),
  )
  const blocked = await blockedRegistration(seeds)
  const samples = await samplesOf(stage, seeds, blocked)
  const session = await mapConcurrently(range(sizes.connections), (n) =>
    seeds.signUp('peer', `reads.${n}@example.com`),
  )
  return [
    {
      calls: [
        '/auth/verify, warm',
        '/auth/verify, fresh',
        'JWKS',
        'gateway',
        'gateway, log of failures',
        'gateway, fresh',
      ],
      prepare: () => tokenPairs(on, seeds, people, session),
    },
    { calls: ['GET /auth/me'], prepare: () => mePairs(on, seeds, { people, session, samples }) },
    { calls: ['refresh'], prepare: () => refreshPairs(on, seeds, people, sizes.connections) },
    { calls: ['blocked registration'], prepare: async () => blockedPairs(on, blocked) },
    {
      calls: ['registration', 'login', 'login, objects awake', 'login, first in a while'],
      prepare: () => passwordPairs(on, seeds, sizes),
    },
  ]
}

async function blockedRegistration(seeds: Seeds): Promise<string> {
  const body = (n: number) => ({ username: `blocked.${n}`, password: PASSWORD })
  for (let n = 0; n < 3; n++) await seeds.call('gatehouse-seeds', '/auth/register', body(n), BLOCKED)
  return request('POST', '/auth/register', BLOCKED, body(3))
}

async function samplesOf(stage: Stage, seeds: Seeds, blocked: string): Promise<Samples> {
  const { access_token, refresh_token } = await seeds.register('gatehouse-seeds', `seed.${seeds.next()}`)
  const refresh = post('/auth/refresh', { refresh_token })
  return recordSamples(stage, seeds, { bearer: access_token, refresh, blocked })
}
