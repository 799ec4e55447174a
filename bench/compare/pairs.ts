/** The comparisons: a call of Gatehouse, one of the floor or the peer, and the target ratio. */
import { request } from './load.ts'
import {
  at32,
  atBoth,
  get,
  type LoadsOn,
  loadsOn,
  mapConcurrently,
  type Next,
  type Pair,
  perConnection,
  post,
  range,
  roundRobin,
} from './pair.ts'
import { passwordPairs } from './password-pairs.ts'
import { PASSWORD, type PeerTokenFamily, Seeds, type Tokens } from './seeds.ts'
import type { Stage } from './stage.ts'

/** More than an isolate caches, so that each has been evicted when it is sent again. */
const FRESH_TOKENS = 6_144
/** Enough that none is refreshed more often than about once a second. */
const SESSIONS = 1_024
const BLOCKED = '192.0.2.1'

/**
 * Creates the accounts and tokens that the pairs need.
 * @param sessions at least one for each connection
 */
export async function preparePairs(stage: Stage, sessions = SESSIONS): Promise<readonly Pair[]> {
  const seeds = new Seeds(stage)
  const people = await mapConcurrently(range(sessions), () =>
    seeds.register('gatehouse-seeds', `seed.${seeds.next()}`),
  )
  const on = loadsOn(stage)
  return [
    ...(await tokenPairs(on, seeds, people)),
    ...(await sessionPairs(on, seeds, people)),
    ...(await blockedPair(on, seeds)),
    ...(await passwordPairs(on, seeds, sessions)),
  ]
}

/** Calls that need only a token, or nothing. */
async function tokenPairs(on: LoadsOn, seeds: Seeds, people: readonly Tokens[]): Promise<readonly Pair[]> {
  await sendKeyToFloor(seeds, people)
  const fresh = await freshTokens(seeds, people)
  const warm = (path: string) => (n: number) => get(path, people[n]?.access_token)
  const session = await perConnection((n) => seeds.signUp('peer', `reads.${n}@example.com`))
  const bare = on('floor', warm('/hello'))
  const verify = on('gatehouse', warm('/auth/verify'))
  const getSession = on('peer', (n) => get('/api/auth/get-session', session[n]))
  const jwks = on('gatehouse', () => get('/.well-known/jwks.json'))
  return [
    { call: '/auth/verify, warm', ours: verify, theirs: bare, comparedWith: 'bare Hono', target: at32(0.8) },
    {
      call: '/auth/verify, warm',
      ours: verify,
      theirs: on('floor', warm('/hello-with-headers')),
      comparedWith: 'bare Hono, equally many headers',
    },
    {
      call: '/auth/verify, fresh',
      ours: on('gatehouse', cycling('/auth/verify', fresh)),
      theirs: on('floor', cycling('/verify', fresh)),
      comparedWith: 'Hono + jose',
      target: at32(0.85),
    },
    {
      call: '/auth/verify, warm',
      ours: verify,
      theirs: getSession,
      comparedWith: 'peer: get-session',
      target: atBoth(20),
    },
    {
      call: 'JWKS',
      ours: jwks,
      theirs: on('floor', () => get('/hello')),
      comparedWith: 'bare Hono',
      target: at32(0.8),
    },
    { call: 'JWKS', ours: jwks, theirs: on('peer', () => get('/api/auth/jwks')), comparedWith: 'peer: jwks' },
    {
      call: 'gateway',
      ours: on('gatehouse', warm('/api/x')),
      theirs: on('floor', warm('/api/x')),
      comparedWith: 'bare proxy',
    },
    {
      call: 'gateway',
      ours: on('gatehouse', warm('/api/x')),
      theirs: on('gatehouse', warm('/pass/x')),
      comparedWith: "Gatehouse, passing the client's token",
    },
    {
      call: 'gateway, fresh',
      ours: on('gatehouse', cycling('/api/x', fresh)),
      theirs: on('gatehouse', cycling('/pass/x', fresh)),
      comparedWith: "Gatehouse, passing the client's token",
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', warm('/auth/me')),
      theirs: getSession,
      comparedWith: 'peer: get-session',
      target: atBoth(5),
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', warm('/auth/me')),
      theirs: on('floor', (n) => post('/attempt', { name: `read.${n}` }), 429),
      comparedWith: 'object read',
    },
  ]
}

async function sessionPairs(on: LoadsOn, seeds: Seeds, people: readonly Tokens[]): Promise<readonly Pair[]> {
  const families = await perConnection((n) => seeds.runCodeFlow('peer-oauth', `families.${n}@example.com`))
  const session = await perConnection((n) => seeds.signUp('peer-oauth', `reads.${n}@example.com`))
  // The first write of an object creates its file. Gatehouse's objects already have theirs.
  await mapConcurrently(range(people.length), (row) => seeds.call('floor', '/rotate', { name: `row.${row}` }))
  const refresh = on('gatehouse', refreshing(people))
  return [
    {
      call: 'refresh',
      ours: refresh,
      theirs: on('floor', overRows('/rotate', people.length)),
      comparedWith: 'object write + signature',
      target: at32(0.8),
    },
    {
      call: 'refresh',
      ours: refresh,
      theirs: on('peer-oauth', rotating(families)),
      comparedWith: "peer: OAuth provider's refresh",
      target: atBoth(8),
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', (n) => get('/auth/me', people[n]?.access_token)),
      theirs: on('peer-oauth', (n) => get('/api/auth/get-session', session[n])),
      comparedWith: 'peer: get-session that signs no JWT',
    },
  ]
}

async function blockedPair(on: LoadsOn, seeds: Seeds): Promise<readonly Pair[]> {
  const headers = { 'CF-Connecting-IP': BLOCKED }
  const body = (n: number) => ({ username: `blocked.${n}`, password: PASSWORD })
  for (let n = 0; n < 3; n++) await seeds.call('gatehouse-seeds', '/auth/register', body(n), headers)
  return [
    {
      call: 'blocked registration',
      ours: on('gatehouse', () => request('POST', '/auth/register', headers, body(3)), 429),
      theirs: on('floor', () => post('/attempt', body(3)), 429),
      comparedWith: 'object read',
      target: at32(0.8),
    },
  ]
}

function refreshing(people: readonly Tokens[]): Next {
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

function rotating(families: readonly PeerTokenFamily[]): Next {
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

/** Like `refreshing`, with one row for each session. */
function overRows(path: string, rows: number): Next {
  const nextRow = roundRobin(range(rows))
  return (n) => post(path, { name: `row.${nextRow(n)}` })
}

function cycling(path: string, tokens: readonly string[]): Next {
  let turn = 0
  return () => {
    turn = (turn + 1) % tokens.length
    return get(path, tokens[turn])
  }
}

/** The floor verifies with Gatehouse's key. */
async function sendKeyToFloor(seeds: Seeds, [person]: readonly Tokens[]): Promise<void> {
  const [header = ''] = person?.access_token.split('.') ?? []
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const { keys } = await seeds.get<{ keys: readonly { kid: string }[] }>(
    'gatehouse',
    '/.well-known/jwks.json',
  )
  await seeds.put('floor', '/key', keys.find((key) => key.kid === kid) ?? {})
}

/** @returns enough tokens of each person that an isolate evicts the first before it has seen all */
async function freshTokens(seeds: Seeds, people: readonly Tokens[]): Promise<readonly string[]> {
  const tokens = await mapConcurrently(people, async (person) => {
    const fresh: string[] = []
    while (fresh.length < FRESH_TOKENS / SESSIONS) fresh.push(await seeds.refresh(person))
    return fresh
  })
  return tokens.flat()
}
