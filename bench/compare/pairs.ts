/** What is compared with what: a call of Gatehouse beside one of the floor, or of the peer, and how it is to come out. */
import { request } from './load.ts'
import {
  at32,
  atBoth,
  eachConnection,
  get,
  inLanes,
  type LoadsOn,
  loadsOn,
  type Next,
  numbers,
  type Pair,
  post,
  turns,
} from './pair.ts'
import { passwordPairs } from './password-pairs.ts'
import { PASSWORD, type PeerGrant, Seeds, type Tokens } from './seeds.ts'
import type { Stage } from './stage.ts'

/** More than an isolate remembers: each has been forgotten when it comes again. */
const FRESH_TOKENS = 6_144
/** So many that none is refreshed more often than every second or so. */
const SESSIONS = 1_024
const BLOCKED = '192.0.2.1'

/**
 * @param sessions at least one for each connection
 * @returns the pairs, with everything there that they need
 */
export async function preparePairs(stage: Stage, sessions = SESSIONS): Promise<readonly Pair[]> {
  const seeds = new Seeds(stage)
  const people = await inLanes(numbers(sessions), () =>
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

/** What is answered by a token, or by nothing, alone. */
async function tokenPairs(on: LoadsOn, seeds: Seeds, people: readonly Tokens[]): Promise<readonly Pair[]> {
  await tellFloor(seeds, people)
  const fresh = await freshTokens(seeds, people)
  const warm = (path: string) => (n: number) => get(path, people[n]?.access_token)
  const session = await eachConnection((n) => seeds.signUp('peer', `reads.${n}@example.com`))
  const bare = on('floor', warm('/hello'))
  const verify = on('gatehouse', warm('/auth/verify'))
  const getSession = on('peer', (n) => get('/api/auth/get-session', session[n]))
  const jwks = on('gatehouse', () => get('/.well-known/jwks.json'))
  return [
    { call: '/auth/verify, warm', ours: verify, theirs: bare, beside: 'bare Hono', target: at32(0.8) },
    {
      call: '/auth/verify, warm',
      ours: verify,
      theirs: on('floor', warm('/hello-with-headers')),
      beside: 'bare Hono, as many headers',
    },
    {
      call: '/auth/verify, fresh',
      ours: on('gatehouse', inTurn('/auth/verify', fresh)),
      theirs: on('floor', inTurn('/verify', fresh)),
      beside: 'Hono + jose',
      target: at32(0.85),
    },
    {
      call: '/auth/verify, warm',
      ours: verify,
      theirs: getSession,
      beside: 'peer: get-session',
      target: atBoth(20),
    },
    {
      call: 'JWKS',
      ours: jwks,
      theirs: on('floor', () => get('/hello')),
      beside: 'bare Hono',
      target: at32(0.8),
    },
    { call: 'JWKS', ours: jwks, theirs: on('peer', () => get('/api/auth/jwks')), beside: 'peer: jwks' },
    {
      call: 'gateway',
      ours: on('gatehouse', warm('/api/x')),
      theirs: on('floor', warm('/api/x')),
      beside: 'bare proxy',
    },
    {
      call: 'gateway',
      ours: on('gatehouse', warm('/api/x')),
      theirs: on('gatehouse', warm('/pass/x')),
      beside: "ours, passing the client's token",
    },
    {
      call: 'gateway, fresh',
      ours: on('gatehouse', inTurn('/api/x', fresh)),
      theirs: on('gatehouse', inTurn('/pass/x', fresh)),
      beside: "ours, passing the client's token",
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', warm('/auth/me')),
      theirs: getSession,
      beside: 'peer: get-session',
      target: atBoth(5),
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', warm('/auth/me')),
      theirs: on('floor', (n) => post('/attempt', { name: `read.${n}` }), 429),
      beside: 'object read',
    },
  ]
}

async function sessionPairs(on: LoadsOn, seeds: Seeds, people: readonly Tokens[]): Promise<readonly Pair[]> {
  const grants = await eachConnection((n) => seeds.authorize('peer-oauth', `grants.${n}@example.com`))
  const session = await eachConnection((n) => seeds.signUp('peer-oauth', `reads.${n}@example.com`))
  // An object's first write makes its file: ours have theirs.
  await inLanes(numbers(people.length), (row) => seeds.call('floor', '/rotate', { name: `row.${row}` }))
  const refresh = on('gatehouse', refreshing(people))
  return [
    {
      call: 'refresh',
      ours: refresh,
      theirs: on('floor', overRows('/rotate', people.length)),
      beside: 'object write + signature',
      target: at32(0.8),
    },
    {
      call: 'refresh',
      ours: refresh,
      theirs: on('peer-oauth', rotating(grants)),
      beside: "peer: OAuth provider's refresh",
      target: atBoth(8),
    },
    {
      call: 'GET /auth/me',
      ours: on('gatehouse', (n) => get('/auth/me', people[n]?.access_token)),
      theirs: on('peer-oauth', (n) => get('/api/auth/get-session', session[n])),
      beside: 'peer: get-session that signs no JWT',
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
      beside: 'object read',
      target: at32(0.8),
    },
  ]
}

function refreshing(people: readonly Tokens[]): Next {
  const turn = turns(people)
  const current = new Map<number, Tokens>()
  return (n, answered) => {
    const [last, person] = [current.get(n), turn(n)]
    const renewed = refreshTokenIn(answered)
    if (last !== undefined && renewed !== undefined) last.refresh_token = renewed
    current.set(n, person)
    return post('/auth/refresh', { refresh_token: person.refresh_token }, n)
  }
}

function rotating(grants: readonly PeerGrant[]): Next {
  return (n, answered) => {
    const grant = grants[n]
    if (grant === undefined) throw new Error(`no grant ${n}`)
    grant.refreshToken = refreshTokenIn(answered) ?? grant.refreshToken
    const form = { grant_type: 'refresh_token', refresh_token: grant.refreshToken, client_id: grant.clientId }
    return request('POST', '/api/auth/oauth2/token', {}, new URLSearchParams(form))
  }
}

function refreshTokenIn(answered: string): string | undefined {
  return /"refresh_token":"([^"]+)"/.exec(answered)?.[1]
}

/** As refreshing does, over as many rows as there are sessions. */
function overRows(path: string, rows: number): Next {
  const turn = turns(numbers(rows))
  return (n) => post(path, { name: `row.${turn(n)}` })
}

function inTurn(path: string, tokens: readonly string[]): Next {
  let turn = 0
  return () => {
    turn = (turn + 1) % tokens.length
    return get(path, tokens[turn])
  }
}

/** The floor verifies with Gatehouse's key. */
async function tellFloor(seeds: Seeds, [person]: readonly Tokens[]): Promise<void> {
  const [header = ''] = person?.access_token.split('.') ?? []
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const { keys } = await seeds.get<{ keys: readonly { kid: string }[] }>(
    'gatehouse',
    '/.well-known/jwks.json',
  )
  await seeds.put('floor', '/key', keys.find((key) => key.kid === kid) ?? {})
}

/** @returns so many of each person that an isolate forgets the first before it has seen all */
async function freshTokens(seeds: Seeds, people: readonly Tokens[]): Promise<readonly string[]> {
  const tokens = await inLanes(people, async (person) => {
    const made: string[] = []
    while (made.length < FRESH_TOKENS / SESSIONS) made.push(await seeds.refresh(person))
    return made
  })
  return tokens.flat()
}
