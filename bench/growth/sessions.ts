/** What an account costs that has as many sessions as it may. */
import { type Load, request } from '../compare/load.ts'
import { get, post } from '../compare/pair.ts'
import { addressOf, PASSWORD } from '../compare/seeds.ts'
import { milliseconds, table } from '../document.ts'
import { alternate, type Measured, type Rounds } from './alternate.ts'
import { type Bundles, onStage, type Stage } from './stage.ts'

const MAX_SESSIONS = 100
const ROUNDS: Rounds = { count: 15, durationMs: 250 }
const FULL = 'full'
const SINGLE = 'single'
/** Sessions keep both. */
const HEADERS = {
  'CF-Connecting-IP': addressOf(0),
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
}

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

/** Somebody at a Worker that lets accounts have as many sessions as this one has. */
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
  const players = [
    { name: FULL, bundle: bundles.withoutHash, settings: { MAX_SESSIONS: String(MAX_SESSIONS) } },
    { name: SINGLE, bundle: bundles.withoutHash, owner: FULL, settings: { MAX_SESSIONS: '1' } },
  ]
  const rows = await onStage(bundles, players, measureCalls)
  return `### Sessions of one account

An account with ${MAX_SESSIONS} sessions, which are all that it may have by default, beside one that has 1 and may have no more, so that
every log in ends the least recently used session of either. One connection, without the hash, medians of ${ROUNDS.count} rounds.

${table(['call', '1 session', `${MAX_SESSIONS} sessions`, 'times'], rows.map(cellsOf))}

A refresh and \`GET /auth/me\` read their own session alone. A log in reads all of the account's, to see which of them have
expired, which one is to end and when the next one will.`
}

async function measureCalls(stage: Stage): Promise<readonly Row[]> {
  const single = await settle(stage, SINGLE, 1)
  const full = await settle(stage, FULL, MAX_SESSIONS)
  const measure = async (call: string, load: (person: Person) => Load) => {
    const measured = await alternate([load(single), load(full)], 1, ROUNDS)
    return { call, measured }
  }
  const rows = [
    await measure('refresh', refreshing),
    await measure('GET /auth/me', reading),
    await measure('log in', loggingIn),
  ]
  for (const person of [single, full]) await checkSessions(person)
  return rows
}

/** @returns somebody new with so many sessions */
async function settle(stage: Stage, name: string, sessions: number): Promise<Person> {
  const port = await stage.port(name)
  const username = `${name}.house`
  let tokens = await call<Tokens>(port, '/auth/register', { username, password: PASSWORD })
  for (let count = 1; count < sessions; count++) {
    tokens = await call<Tokens>(port, '/auth/login', { identifier: username, password: PASSWORD })
  }
  return { port, username, sessions, tokens }
}

function refreshing({ port, tokens }: Person): Load {
  let { refresh_token } = tokens
  const next = (_connection: number, answered: string) => {
    if (answered !== '') refresh_token = (JSON.parse(answered) as Tokens).refresh_token
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

/** @throws where a log in does not end another session */
async function checkSessions({ port, username, sessions }: Person): Promise<void> {
  const { access_token } = await call<Tokens>(port, '/auth/login', {
    identifier: username,
    password: PASSWORD,
  })
  const listed = await call<{ sessions: readonly object[] }>(port, '/auth/sessions', null, access_token)
  const count = listed.sessions.length
  if (count !== sessions) throw new Error(`${username} has ${count} sessions in place of ${sessions}`)
}

/** @param body null to get something */
async function call<Answer>(port: number, path: string, body: object | null, bearer = ''): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { ...HEADERS, 'Content-Type': 'application/json', Authorization: `Bearer ${bearer}` },
    ...(body !== null && { method: 'POST', body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

function cellsOf({ call, measured: [one, many] }: Row): readonly string[] {
  const times = [one, many].map((measured) => milliseconds(measured?.answerMs ?? Number.NaN))
  return [call, ...times, (many?.relative ?? Number.NaN).toFixed(2)]
}
