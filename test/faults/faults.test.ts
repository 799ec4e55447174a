import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  type Fetch,
  logIn,
  NEW_PASSWORD,
  ok,
  PASSWORD,
  type Problem,
  refresh,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { runCron } from '../support/database.ts'
import {
  cheapenPasswords,
  controlDeadlines,
  FAULTS,
  type Fault,
  type FaultKind,
  type Isolate,
  runIsolate,
} from '../support/faults.ts'
import { ADMIN_TOKEN, type Case, COMING_SECRET, SCENARIOS } from './scenarios.ts'

/** How a run ended: as if nothing had failed, 503, 503 that says that it is done, or with the isolate. */
const OUTCOMES = ['answered', '503', '503, done', 'stopped'] as const
type Outcome = (typeof OUTCOMES)[number]

interface Row {
  readonly title: string
  readonly steps: number
  readonly outcomes: Readonly<Record<Outcome, number>>
}

/** Header and payload: a key id may begin like one of them by chance. */
const JWT = /eyJ[\w-]+\.eyJ/

const print = console.log
const table: Row[] = []
let lines: string[] = []

beforeEach(() => {
  lines = []
  cheapenPasswords()
  controlDeadlines()
  for (const level of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
  }
})
afterEach(() => vi.restoreAllMocks())
afterAll(() => print(render(table)))

describe('the table of scenarios', () => {
  it('covers every operation of the OpenAPI document with a scenario', async () => {
    const { paths } = await ok<{ paths: Record<string, object> }>(call('GET', '/openapi.json'))
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const played = Object.keys(SCENARIOS).map((title) => title.split(' ').slice(0, 2).join(' '))
    expect(described.length).toBeGreaterThan(20)
    expect(described.filter((each) => !played.includes(each))).toEqual([])
  })
})

describe('a request with one fault at any of its round trips', () => {
  it.each(Object.keys(SCENARIOS))(
    'completes or answers 503, and leaves nothing half done, with a fault in %s',
    async (title) => {
      const steps = await countSteps(title)
      const outcomes: Record<Outcome, number> = { answered: 0, '503': 0, '503, done': 0, stopped: 0 }
      const violations: string[] = []
      for (const kind of FAULTS) {
        for (let at = 1; at <= steps; at++) {
          const { outcome, wrong, trip } = await play(title, { kind, at })
          outcomes[outcome] += 1
          violations.push(...wrong.map((what) => `${kind} at ${at}, ${trip}: ${what}`))
        }
      }
      table.push({ title, steps, outcomes })
      expect(violations).toEqual([])
    },
  )
})

async function prepare(title: string): Promise<Case> {
  await env.DB.batch(['signing_keys', 'settings'].map((name) => env.DB.prepare(`DELETE FROM ${name}`)))
  const make = SCENARIOS[title]
  if (make === undefined) throw new Error(`no scenario ${title}`)
  return make()
}

/** The round trips of a run without a fault, in a new isolate. */
async function countSteps(title: string): Promise<number> {
  const { send, status, settings } = await prepare(title)
  const { answer, trips } = await runIsolate(send, null, settings)
  expect(answer?.status).toBe(status)
  return trips.length
}

interface Played {
  readonly outcome: Outcome
  /** What is wrong, in words. */
  readonly wrong: readonly string[]
  readonly trip: string
}

async function play(title: string, fault: Fault & { readonly kind: FaultKind }): Promise<Played> {
  const scene = await prepare(title)
  lines = []
  const { answer, trips } = await runIsolate(scene.send, fault, scene.settings)
  const trip = trips[fault.at - 1]
  if (trip === undefined) return { outcome: 'answered', wrong: ['not reached'], trip: 'none' }
  const body = answer === null ? {} : await bodyOf(answer)
  const said = body.registered === true || body.changed === true
  const done = await scene.isDone?.()
  const healthy = workerWith(scene.settings ?? {})
  const wrong = [
    wrongAnswer(scene, answer, body),
    wrongWord(fault.kind, answer, said, done),
    await wrongTokens(body, healthy),
    await wrongRepetition(scene, healthy),
    ...(await wrongState(scene)),
    await wrongPasswords(scene, healthy),
    leak([body.access_token, body.refresh_token]),
  ].filter((what) => what !== null)
  return { outcome: outcomeOf(answer, said), wrong, trip }
}

/** An answer without a body says nothing. At /oauth2 an error's code is its `error`. */
async function bodyOf(answer: Response): Promise<Partial<Problem & Tokens>> {
  const text = await answer.text()
  const body = text === '' ? {} : JSON.parse(text)
  return { code: body.error, ...body }
}

function outcomeOf(answer: Response | null, said: boolean): Outcome {
  if (answer === null) return 'stopped'
  if (answer.status !== 503) return 'answered'
  return said ? '503, done' : '503'
}

function wrongAnswer({ status }: Case, answer: Response | null, body: Partial<Problem>): string | null {
  if (answer === null || answer.status === status) return null
  const unavailable = answer.status === 503 && body.code === 'unavailable'
  return unavailable ? null : `answered ${answer.status} ${body.code}`
}

/** A 503 that says that it is done must be right; one that does not, where that can be known, too. */
function wrongWord(
  kind: FaultKind,
  answer: Response | null,
  said: boolean,
  done: boolean | undefined,
): string | null {
  if (answer === null || done === undefined) return null
  if ((said || answer.status < 400) && !done) return 'said that it is done'
  const known = kind !== 'late' && answer.status === 503 && !said
  return known && done ? 'said nothing of what is done' : null
}

/** Tokens that were handed out work. */
async function wrongTokens(
  { access_token, refresh_token }: Partial<Tokens>,
  fetch: Fetch,
): Promise<string | null> {
  if (access_token === undefined || refresh_token === undefined) return null
  const me = await call('GET', '/auth/me', { bearer: access_token }, fetch)
  const next = await refresh(refresh_token, fetch)
  return me.ok && next.ok ? null : `handed out tokens that do not work: ${me.status} ${next.status}`
}

async function wrongRepetition({ send, status, again = [] }: Case, fetch: Fetch): Promise<string | null> {
  const cron = async () => undefined
  const isolate: Isolate = { fetch, cron }
  const answer = await send(isolate)
  if (answer.status === status) return null
  const { code = '' } = await bodyOf(answer)
  return again.includes(code) ? null : `answered ${answer.status} ${code} when it was repeated`
}

/** After cron the account's object says what the row says. */
async function wrongState({ name, settings }: Case): Promise<readonly string[]> {
  const find = env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(name)
  await runCron({ ...env, ...settings })
  const untold = await env.DB.prepare('SELECT count(*) AS n FROM outbox').first<number>('n')
  const row = await find.first<Record<string, unknown>>()
  const told = untold === 0 ? [] : [`${untold} changes were never told`]
  return row === null ? told : [...told, ...(await wrongObject(row))]
}

async function wrongObject(row: Record<string, unknown>): Promise<readonly string[]> {
  const { held, sessions } = await objectOf(String(row.id))
  const wrong: string[] = []
  if (held !== undefined && held.state.version !== row.credential_version)
    wrong.push('its object holds another version')
  if (held !== undefined && JSON.stringify(held.state.profile?.roles) !== row.roles)
    wrong.push('its object grants other roles')
  if (held !== undefined && held.state.profile?.email !== row.email)
    wrong.push('its object has another email')
  if (row.disabled === 1 && sessions > 0) wrong.push('it is disabled and has sessions')
  return wrong
}

interface Held {
  readonly state: {
    readonly version: number
    readonly profile: { roles: string[]; email: string | null } | null
  }
}

function objectOf(id: string): Promise<{ held: Held | undefined; sessions: number }> {
  return runInDurableObject(env.ACCOUNT.getByName(id), (_object, { storage }) => ({
    held: storage.kv.get<Held>('account'),
    sessions: [...storage.kv.list({ prefix: 'session:' })].length,
  }))
}

/** Exactly one password opens an account that is there. */
async function wrongPasswords({ name }: Case, fetch: Fetch): Promise<string | null> {
  const answers = await Promise.all([PASSWORD, NEW_PASSWORD].map((each) => logIn(name, each, fetch)))
  const right = answers.filter(({ status }) => status !== 401).length
  const exists = await env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(name).first()
  return right === (exists === null ? 0 : 1) ? null : `${right} passwords open it`
}

function leak(tokens: readonly (string | undefined)[]): string | null {
  const written = lines.join('\n')
  const secrets = [PASSWORD, NEW_PASSWORD, ADMIN_TOKEN, COMING_SECRET, String(env.AUTH_SECRET), ...tokens]
  const found = secrets.some((secret) => secret !== undefined && written.includes(secret))
  return found || JWT.test(written) ? 'a secret stands in the log' : null
}

function render(rows: readonly Row[]): string {
  const total = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0)
  const lineOf = (title: string, cells: readonly (string | number)[]) =>
    title.padEnd(66) + cells.map((cell) => String(cell).padStart(11)).join('')
  const cellsOf = (of: (pick: (row: Row) => number) => number) => [
    of(({ steps }) => steps),
    of(({ steps }) => steps * FAULTS.length),
    ...OUTCOMES.map((outcome) => of(({ outcomes }) => outcomes[outcome])),
  ]
  return [
    lineOf('', ['round trips', 'runs', ...OUTCOMES]),
    ...rows.map((row) =>
      lineOf(
        row.title,
        cellsOf((pick) => pick(row)),
      ),
    ),
    lineOf('together', cellsOf(total)),
  ].join('\n')
}
