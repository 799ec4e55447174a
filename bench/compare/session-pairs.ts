/** Calls that read or write an object: `GET /auth/me`, refresh, and a registration that a limit blocks. */
import { request } from './load.ts'
import {
  at32,
  atBoth,
  compareWith,
  get,
  type LoadsOn,
  mapConcurrently,
  type Next,
  type Pair,
  post,
  range,
  roundRobin,
} from './pair.ts'
import { objectNameOf } from './samples.ts'
import type { PeerTokenFamily, Seeds, Tokens } from './seeds.ts'
import type { Samples } from './worker-types.ts'

export interface MeSubjects {
  /** At least one for each connection. */
  readonly people: readonly Tokens[]
  /** The peer's session of each connection. */
  readonly session: readonly string[]
  readonly samples: Samples
}

export async function mePairs(
  on: LoadsOn,
  seeds: Seeds,
  { people, session, samples }: MeSubjects,
): Promise<readonly Pair[]> {
  const withoutJwt = await mapConcurrently(session, () =>
    seeds.signUp('peer-oauth', `reads.${seeds.next()}@example.com`),
  )
  await mapConcurrently(people.slice(0, session.length), ({ access_token }) => {
    const object = { name: objectNameOf(access_token), text: samples.me.body }
    return seeds.call('fair-floor', '/objects', object)
  })
  const send: Next = (n) => get('/auth/me', people[n]?.access_token)
  const getSession = (of: readonly string[]) => (n: number) => get('/api/auth/get-session', of[n])
  return compareWith('GET /auth/me', on('gatehouse', send), [
    { comparedWith: 'fair floor: object read', theirs: on('fair-floor', send), target: at32(0.65) },
    {
      comparedWith: 'bare Hono: object read',
      theirs: on('floor', (n) => post('/attempt', { name: `read.${n}` }), 429),
    },
    { comparedWith: 'peer: get-session', theirs: on('peer', getSession(session)), target: atBoth(5) },
    {
      comparedWith: 'peer: get-session that signs no JWT',
      theirs: on('peer-oauth', getSession(withoutJwt)),
    },
  ])
}

export async function refreshPairs(
  on: LoadsOn,
  seeds: Seeds,
  people: readonly Tokens[],
  connections: number,
): Promise<readonly Pair[]> {
  const families = await mapConcurrently(range(connections), (n) =>
    seeds.runCodeFlow('peer-oauth', `families.${n}@example.com`),
  )
  const rows = people.map(({ refresh_token }, row) => `row.${row}`.padEnd(refresh_token.length, '.'))
  // The first write of an object creates its file. Gatehouse's objects already have theirs.
  await mapConcurrently(rows, (name) => seeds.call('fair-floor', '/objects', { name, text: name }))
  await mapConcurrently(range(rows.length), (row) => seeds.call('floor', '/rotate', { name: `row.${row}` }))
  const [nextName, nextRow] = [roundRobin(rows), roundRobin(range(rows.length))]
  return compareWith('refresh', on('gatehouse', refreshing(people)), [
    {
      comparedWith: 'fair floor: object write + signature',
      theirs: on('fair-floor', (n) => post('/auth/refresh', { refresh_token: nextName(n) }, n)),
      target: at32(0.8),
    },
    {
      comparedWith: 'bare Hono: object write + signature',
      theirs: on('floor', (n) => post('/rotate', { name: `row.${nextRow(n)}` })),
    },
    {
      comparedWith: "peer: OAuth provider's refresh",
      theirs: on('peer-oauth', rotating(families)),
      target: atBoth(8),
    },
  ])
}

/** @param blocked a registration that is refused */
export function blockedPairs(on: LoadsOn, blocked: string): readonly Pair[] {
  const [, body = ''] = blocked.split('\r\n\r\n')
  return compareWith(
    'blocked registration',
    on('gatehouse', () => blocked, 429),
    [
      {
        comparedWith: 'fair floor: object read',
        theirs: on('fair-floor', () => blocked, 429),
        target: at32(0.7),
      },
      {
        comparedWith: 'bare Hono: object read',
        theirs: on('floor', () => post('/attempt', JSON.parse(body)), 429),
      },
    ],
  )
}

export function refreshing(people: readonly Tokens[]): Next {
  const nextPerson = roundRobin(people)
  const current = new Map<number, Tokens>()
  return (n, previousBody) => {
    const [previous, person] = [current.get(n), nextPerson(n)]
    const renewed = refreshTokenIn(previousBody)
    if (previous !== undefined && renewed !== undefined) previous.refresh_token = renewed
    current.set(n, person)
    return post('/auth/refresh', { refresh_token: person.refresh_token }, n)
  }
}

export function rotating(families: readonly PeerTokenFamily[]): Next {
  return (n, previousBody) => {
    const family = families[n]
    if (family === undefined) throw new Error(`no token family ${n}`)
    family.refreshToken = refreshTokenIn(previousBody) ?? family.refreshToken
    const form = {
      grant_type: 'refresh_token',
      refresh_token: family.refreshToken,
      client_id: family.clientId,
    }
    return request('POST', '/api/auth/oauth2/token', {}, new URLSearchParams(form))
  }
}

function refreshTokenIn(body: string): string | undefined {
  return /"refresh_token":"([^"]+)"/.exec(body)?.[1]
}
