/** Runs a scenario with each kind of fault at each of its round trips. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ADMIN_TOKEN } from '../support/admin.ts'
import { call, type Fetch, logIn, NEW_PASSWORD, PASSWORD, refresh, workerWith } from '../support/client.ts'
import { runCron } from '../support/database.ts'
import {
  controlDeadlines,
  FAULTS,
  type Fault,
  type FaultKind,
  type Isolate,
  runIsolate,
  useFastPasswords,
} from '../support/faults.ts'
import type { Problem, Tokens } from '../support/responses.ts'
import { type Case, NEXT_SECRET, SCENARIOS } from './scenarios.ts'

/** The outcome of a run: completed as without the fault, 503, 503 that reports the change as done, or a stopped isolate. */
const OUTCOMES = ['completed', '503', '503, done', 'stopped'] as const
type Outcome = (typeof OUTCOMES)[number]

interface Row {
  readonly title: string
  readonly steps: number
  readonly outcomes: Readonly<Record<Outcome, number>>
}

/** Header and payload together, since a key id alone may begin like one of them by chance. */
const JWT = /eyJ[\w-]+\.eyJ/

const print = console.log
const table: Row[] = []
let lines: string[] = []

/** Defines the tests of the scenarios with these titles. */
export function testWithOneFault(titles: readonly string[]): void {
  describe('a request with one fault at any of its round trips', () => {
    beforeEach(() => {
      lines = []
      useFastPasswords()
      controlDeadlines()
      for (const level of ['log', 'info', 'warn', 'error'] as const) {
        vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
      }
    })
    afterEach(() => vi.restoreAllMocks())
    afterAll(() => print(render(table)))

    it.each(titles)(
      'completes or answers 503, and leaves nothing half done, with a fault in %s',
      async (title) => {
        const steps = await countSteps(title)
        const outcomes: Record<Outcome, number> = { completed: 0, '503': 0, '503, done': 0, stopped: 0 }
        const violations: string[] = []
        for (const kind of FAULTS) {
          for (let at = 1; at <= steps; at++) {
            const found = await runScenario(title, { kind, at })
            outcomes[found.outcome] += 1
            violations.push(...found.violations.map((what) => `${kind} at ${at}, ${found.trip}: ${what}`))
          }
        }
        table.push({ title, steps, outcomes })
        expect(violations).toEqual([])
      },
    )
  })
}

async function prepare(title: string): Promise<Case> {
  await env.DB.batch(['signing_keys', 'settings'].map((name) => env.DB.prepare(`DELETE FROM ${name}`)))
  const make = SCENARIOS[title]
  if (make === undefined) throw new Error(`no scenario ${title}`)
  return make()
}

/** @returns the number of round trips of a run without a fault, in a new isolate */
async function countSteps(title: string): Promise<number> {
  const { send, status, settings } = await prepare(title)
  const { response, trips } = await runIsolate(send, null, settings)
  expect(response?.status).toBe(status)
  return trips.length
}

interface ScenarioRun {
  readonly outcome: Outcome
  /** Sentences that say what is wrong. */
  readonly violations: readonly string[]
  readonly trip: string
}

async function runScenario(title: string, fault: Fault & { readonly kind: FaultKind }): Promise<ScenarioRun> {
  const scenario = await prepare(title)
  lines = []
  const { response, trips } = await runIsolate(scenario.send, fault, scenario.settings)
  const trip = trips[fault.at - 1]
  if (trip === undefined) return { outcome: 'completed', violations: ['not reached'], trip: 'none' }
  const body = response === null ? {} : await bodyOf(response)
  const reported = body.registered === true || body.changed === true
  const done = await scenario.isDone?.()
  const healthy = workerWith(scenario.settings ?? {})
  const violations = [
    wrongResponse(scenario, response, body),
    wrongReport(fault.kind, response, reported, done),
    await wrongTokens(body, healthy),
    await wrongRepetition(scenario, healthy),
    ...(await wrongState(scenario)),
    await wrongPasswords(scenario, healthy),
    leak([body.access_token, body.refresh_token]),
  ].filter((what) => what !== null)
  return { outcome: outcomeOf(response, reported), violations, trip }
}

/** A response without a body becomes an empty object. At /oauth2 an error's code is its `error`. */
async function bodyOf(response: Response): Promise<Partial<Problem & Tokens>> {
  const text = await response.text()
  const body = text === '' ? {} : JSON.parse(text)
  return { code: body.error, ...body }
}

function outcomeOf(response: Response | null, reported: boolean): Outcome {
  if (response === null) return 'stopped'
  if (response.status !== 503) return 'completed'
  return reported ? '503, done' : '503'
}

function wrongResponse({ status }: Case, response: Response | null, body: Partial<Problem>): string | null {
  if (response === null || response.status === status) return null
  const unavailable = response.status === 503 && body.code === 'unavailable'
  return unavailable ? null : `answered ${response.status} ${body.code}`
}

/** A 503 must report a change as done exactly if it is done. After a late change the Worker cannot know. */
function wrongReport(
  kind: FaultKind,
  response: Response | null,
  reported: boolean,
  done: boolean | undefined,
): string | null {
  if (response === null || done === undefined) return null
  if ((reported || response.status < 400) && !done) return 'reported a change as done that is not'
  const unreported = kind !== 'late' && response.status === 503 && !reported
  return unreported && done ? 'did not report a change that is done' : null
}

/** Issued tokens must work. */
async function wrongTokens(
  { access_token, refresh_token }: Partial<Tokens>,
  fetch: Fetch,
): Promise<string | null> {
  if (access_token === undefined || refresh_token === undefined) return null
  const me = await call('GET', '/auth/me', { bearer: access_token }, fetch)
  const next = await refresh(refresh_token, fetch)
  return me.ok && next.ok ? null : `issued tokens that do not work: ${me.status} ${next.status}`
}

async function wrongRepetition({ send, status, again = [] }: Case, fetch: Fetch): Promise<string | null> {
  const cron = async () => undefined
  const isolate: Isolate = { fetch, cron }
  const response = await send(isolate)
  if (response.status === status) return null
  const { code = '' } = await bodyOf(response)
  return again.includes(code) ? null : `answered ${response.status} ${code} when it was repeated`
}

/** After cron the account's object must have the state of the row. */
async function wrongState({ name, settings }: Case): Promise<readonly string[]> {
  const find = env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(name)
  await runCron({ ...env, ...settings })
  const pending = await env.DB.prepare('SELECT count(*) AS n FROM outbox').first<number>('n')
  const row = await find.first<Record<string, unknown>>()
  const unpublished = pending === 0 ? [] : [`${pending} changes were never published`]
  return row === null ? unpublished : [...unpublished, ...(await wrongObject(row))]
}

async function wrongObject(row: Record<string, unknown>): Promise<readonly string[]> {
  const { stored, sessions } = await objectOf(String(row.id))
  const wrong: string[] = []
  if (stored !== undefined && stored.state.version !== row.credential_version)
    wrong.push('its object has another version')
  if (stored !== undefined && JSON.stringify(stored.state.profile?.roles) !== row.roles)
    wrong.push('its object has other roles')
  if (stored !== undefined && stored.state.profile?.email !== row.email)
    wrong.push('its object has another email')
  if (stored !== undefined && stored.state.profile?.name !== row.name)
    wrong.push('its object has another name')
  if (row.disabled === 1 && sessions > 0) wrong.push('it is disabled and has sessions')
  return wrong
}

interface StoredAccount {
  readonly state: {
    readonly version: number
    readonly profile: { roles: string[]; email: string | null; name: string | null } | null
  }
}

function objectOf(id: string): Promise<{ stored: StoredAccount | undefined; sessions: number }> {
  return runInDurableObject(env.ACCOUNT.getByName(id), (_object, { storage }) => ({
    stored: storage.kv.get<StoredAccount>('account'),
    sessions: [...storage.kv.list({ prefix: 'session:' })].length,
  }))
}

/** Exactly one password must open an account that exists. */
async function wrongPasswords({ name }: Case, fetch: Fetch): Promise<string | null> {
  const responses = await Promise.all([PASSWORD, NEW_PASSWORD].map((each) => logIn(name, each, fetch)))
  const accepted = responses.filter(({ status }) => status !== 401).length
  const exists = await env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(name).first()
  return accepted === (exists === null ? 0 : 1) ? null : `${accepted} passwords open it`
}

function leak(tokens: readonly (string | undefined)[]): string | null {
  const log = lines.join('\n')
  const secrets = [PASSWORD, NEW_PASSWORD, ADMIN_TOKEN, NEXT_SECRET, String(env.AUTH_SECRET), ...tokens]
  const found = secrets.some((secret) => secret !== undefined && log.includes(secret))
  return found || JWT.test(log) ? 'a secret is in the log' : null
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
    lineOf('total', cellsOf(total)),
  ].join('\n')
}
