/** Measures the calls of an account that has the maximum number of sessions. */
import { type Load, request } from '../compare/load.ts'
import { get, post } from '../compare/pair.ts'
import { addressOf, PASSWORD } from '../compare/seeds.ts'
import { milliseconds, table } from '../document.ts'
import { alternate, type Measured, type Rounds } from './alternate.ts'
import { type Bundles, type Stage, withStage } from './stage.ts'

const MAX_SESSIONS = 100
const ROUNDS: Rounds = { count: 15, durationMs: 250 }
const FULL = 'full'
const SINGLE = 'single'
/** A session stores both. */
const HEADERS = {
  'CF-Connecting-IP': addressOf(0),
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
}

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** An account with the maximum number of sessions that its Worker allows. */
interface Person {
  readonly port: number
  readonly username: string
  readonly sessions: number
  readonly tokens: Tokens
}

interface Row {
  readonly call: string
  readonly measured: readonly Measured[]
}

export async function reportSessions(bundles: Bundles): Promise<string> {
  const specs = [
    { name: FULL, bundle: bundles.withoutHash, settings: { MAX_SESSIONS: String(MAX_SESSIONS) } },
    { name: SINGLE, bundle: bundles.withoutHash, owner: FULL, settings: { MAX_SESSIONS: '1' } },
  ]
  const rows = await withStage(bundles, specs, measureCalls)
  return `### Sessions of one account

An account with ${MAX_SESSIONS} sessions, the default maximum, compared with one that has 1 session and a maximum of 1. In both,
every login ends the least recently used session. One connection, without the hash, medians of ${ROUNDS.count} rounds.

${table(['call', '1 session', `${MAX_SESSIONS} sessions`, 'ratio'], rows.map(cellsOf))}

A refresh and \`GET /auth/me\` read only their own session. A login reads all sessions of the account, to find the expired ones,
the one to end, and the next expiry.`
}

async function measureCalls(stage: Stage): Promise<readonly Row[]> {
  const single = await createPerson(stage, SINGLE, 1)
  const full = await createPerson(stage, FULL, MAX_SESSIONS)
  const measure = async (call: string, load: (person: Person) => Load) => {
    const measured = await alternate([load(single), load(full)], 1, ROUNDS)
    return { call, measured }
  }
  const rows = [
    await measure('refresh', refreshing),
    await measure('GET /auth/me', reading),
    await measure('login', loggingIn),
  ]
  for (const person of [single, full]) await checkSessions(person)
  return rows
}

/** Registers an account and logs in until it has this many sessions. */
async function createPerson(stage: Stage, name: string, sessions: number): Promise<Person> {
  const port = await stage.port(name)
  const username = `${name}.population`
  let tokens = await call<Tokens>(port, '/auth/register', { username, password: PASSWORD })
  for (let count = 1; count < sessions; count++) {
    tokens = await call<Tokens>(port, '/auth/login', { identifier: username, password: PASSWORD })
  }
  return { port, username, sessions, tokens }
}

function refreshing({ port, tokens }: Person): Load {
  let { refresh_token } = tokens
  const next = (_connection: number, previousBody: string) => {
    if (previousBody !== '') refresh_token = (JSON.parse(previousBody) as Tokens).refresh_token
    return post('/auth/refresh', { refresh_token })
  }
  return { port, status: 200, next }
}

function reading({ port, tokens }: Person): Load {
  return { port, status: 200, next: () => get('/auth/me', tokens.access_token) }
}

function loggingIn({ port, username }: Person): Load {
  const body = { identifier: username, password: PASSWORD }
  return { port, status: 200, next: () => request('POST', '/auth/login', HEADERS, body) }
}

/** @throws if a login did not end another session */
async function checkSessions({ port, username, sessions }: Person): Promise<void> {
  const { access_token } = await call<Tokens>(port, '/auth/login', {
    identifier: username,
    password: PASSWORD,
  })
  const listed = await call<{ sessions: readonly object[] }>(port, '/auth/sessions', null, access_token)
  const count = listed.sessions.length
  if (count !== sessions) throw new Error(`${username} has ${count} sessions instead of ${sessions}`)
}

/** @param body null for a GET request */
async function call<Body>(port: number, path: string, body: object | null, bearer = ''): Promise<Body> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { ...HEADERS, 'Content-Type': 'application/json', Authorization: `Bearer ${bearer}` },
    ...(body !== null && { method: 'POST', body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}

function cellsOf({ call, measured: [one, many] }: Row): readonly string[] {
  const times = [one, many].map((measured) => milliseconds(measured?.responseMs ?? Number.NaN))
  return [call, ...times, (many?.relative ?? Number.NaN).toFixed(2)]
}
