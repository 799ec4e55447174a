import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { ADMIN_TOKEN } from '../support/admin.ts'
import {
  call,
  changePassword,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  workerWith,
} from '../support/client.ts'
import { runCron } from '../support/database.ts'
import { type Isolate, runIsolate, useFastPasswords } from '../support/faults.ts'
import type { Problem, Tokens } from '../support/responses.ts'

const OTHER_PASSWORD = 'a third and again different one'

type Send = (isolate: Isolate) => Promise<Response>

/** Two concurrent requests that change one account. */
interface Pair {
  readonly name: string
  readonly first: Send
  readonly second: Send
  /** Settings of the isolates that differ from the tests' defaults. */
  readonly settings?: Partial<Env>
}

interface Ending {
  readonly name: string
  /** `ok`, `done` for a 503 that reports the change as done, `stopped`, or the problem's code. */
  readonly first: string
  readonly second: string
  /** The passwords that are accepted, each with the result of its login. */
  readonly accepted: readonly string[]
  readonly row: Record<string, unknown> | null
}

beforeEach(() => {
  useFastPasswords()
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
})
afterEach(() => vi.restoreAllMocks())

async function twoSessions() {
  const person = await newPerson(workerWith({}))
  const other = await ok<Tokens>(logIn(person.name, PASSWORD, workerWith({})))
  return { ...person, elsewhere: other.access_token }
}

const setPassword =
  (bearer: string, new_password: string): Send =>
  ({ fetch }) =>
    changePassword(bearer, { new_password }, fetch)

const patch =
  (bearer: string, body: object): Send =>
  ({ fetch }) =>
    call('PATCH', '/auth/me', { bearer, body: { current_password: PASSWORD, ...body } }, fetch)

const setProfile =
  (bearer: string, body: object): Send =>
  ({ fetch }) =>
    call('PATCH', '/auth/me', { bearer, body }, fetch)

const editAsOperator =
  (id: string, body: object): Send =>
  ({ fetch }) =>
    call('PATCH', `/admin/users/${id}`, { bearer: ADMIN_TOKEN, body }, fetch)

const deleteAccount =
  (bearer: string): Send =>
  ({ fetch }) =>
    call('DELETE', '/auth/me', { bearer, body: { current_password: PASSWORD } }, fetch)

async function resultOf(response: Response | null): Promise<string> {
  if (response?.ok) return 'ok'
  if (response === null) return 'stopped'
  const { code, changed } = (await response.json()) as Problem
  return changed === true ? 'done' : code
}

/** Runs the whole second request before a given round trip of the first. */
async function interleave({ name, first, second, settings = {} }: Pair, at: number): Promise<Ending> {
  let other: Response | null = null
  const runSecond = async () => {
    other = (await runIsolate(second, null, settings)).response
  }
  const { response } = await runIsolate(first, { at, interleaved: runSecond }, settings)
  await runCron()
  const passwords = [PASSWORD, NEW_PASSWORD, OTHER_PASSWORD]
  const fetch = workerWith(settings)
  const tried = await Promise.all(
    passwords.map(async (password) => ({
      password,
      result: await resultOf(await logIn(name, password, fetch)),
    })),
  )
  const accepted = tried.filter(({ result }) => result !== 'invalid_credentials')
  const row = await env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(name).first()
  return {
    name,
    first: await resultOf(response),
    second: await resultOf(other),
    accepted: accepted.map(({ password, result }) => `${password}: ${result}`),
    row,
  }
}

/** Runs each request before every round trip of the other one. */
async function everyOrder(make: () => Promise<Pair>): Promise<readonly Ending[]> {
  const endings: Ending[] = []
  for (const swapped of [false, true]) {
    const pair = async () => {
      const { first, second, ...rest } = await make()
      return swapped ? { ...rest, first: second, second: first } : { ...rest, first, second }
    }
    const { first, settings } = await pair()
    const { trips } = await runIsolate(first, null, settings)
    for (let at = 1; at <= trips.length; at++) {
      const { first, second, ...ending } = await interleave(await pair(), at)
      endings.push(swapped ? { ...ending, first: second, second: first } : { ...ending, first, second })
    }
  }
  expect(endings.length).toBeGreaterThan(10)
  return endings
}

const isDone = (result: string) => result === 'ok' || result === 'done'

describe('two concurrent changes of one account', () => {
  it('disables an account whose password changes at the same time, and reports the password change correctly', async () => {
    const endings = await everyOrder(async () => {
      const { name, access_token, user } = await twoSessions()
      return {
        name,
        first: setPassword(access_token, NEW_PASSWORD),
        second: editAsOperator(user.id, { disabled: true }),
      }
    })
    for (const { first, second, accepted } of endings) {
      expect(second).toBe('ok')
      expect(accepted).toEqual([`${isDone(first) ? NEW_PASSWORD : PASSWORD}: account_disabled`])
      if (!isDone(first)) expect(['invalid_token', 'account_disabled']).toContain(first)
    }
  })

  it('sets one of two concurrent new passwords, and refuses the other call', async () => {
    const endings = await everyOrder(async () => {
      const { name, access_token, elsewhere } = await twoSessions()
      return {
        name,
        first: setPassword(access_token, NEW_PASSWORD),
        second: setPassword(elsewhere, OTHER_PASSWORD),
      }
    })
    for (const { first, second, accepted } of endings) {
      expect([first, second].filter(isDone)).toHaveLength(1)
      expect(accepted).toEqual([`${isDone(first) ? NEW_PASSWORD : OTHER_PASSWORD}: ok`])
      const refusal = isDone(first) ? second : first
      expect(['invalid_token', 'invalid_credentials']).toContain(refusal)
    }
  })

  it('deletes an account that is renamed at the same time, under both names', async () => {
    let renamed = ''
    const endings = await everyOrder(async () => {
      const { name, access_token, elsewhere } = await twoSessions()
      renamed = newName()
      return { name, first: deleteAccount(access_token), second: patch(elsewhere, { username: renamed }) }
    })
    for (const { first, accepted, row } of endings) expect([first, accepted, row]).toEqual(['ok', [], null])
    const left = env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(renamed)
    expect(await left.first()).toBeNull()
  })

  it('keeps an email address set by the owner and a role granted by an operator at the same time', async () => {
    const endings = await everyOrder(async () => {
      const { name, access_token, user } = await twoSessions()
      return {
        name,
        first: patch(access_token, { email: `${name}@example.com` }),
        second: editAsOperator(user.id, { roles: ['editor'] }),
      }
    })
    for (const { name, first, second, row } of endings) {
      expect([first, second]).toEqual(['ok', 'ok'])
      expect(row).toMatchObject({ email: `${name}@example.com`, roles: '["editor"]' })
    }
  })

  it('keeps a name and a locale that two sessions set at the same time', async () => {
    const endings = await everyOrder(async () => {
      const { name, access_token, elsewhere } = await twoSessions()
      return {
        name,
        first: setProfile(access_token, { name: 'Ada' }),
        second: setProfile(elsewhere, { locale: 'en-GB' }),
      }
    })
    for (const { first, second, row } of endings) {
      expect([first, second]).toEqual(['ok', 'ok'])
      expect(row).toMatchObject({ name: 'Ada', locale: 'en-GB' })
    }
  })

  it('keeps a new password when a login renews the old hash at the same time', async () => {
    const endings = await everyOrder(async () => {
      const { name, access_token } = await twoSessions()
      return {
        name,
        settings: { PASSWORD_PEPPER: 'a pepper that comes, long enough for production' },
        first: setPassword(access_token, NEW_PASSWORD),
        second: ({ fetch }) => logIn(name, PASSWORD, fetch),
      }
    })
    for (const { first, accepted } of endings)
      expect([first, accepted]).toEqual(['ok', [`${NEW_PASSWORD}: ok`]])
  })
})
