import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import {
  call,
  changePassword,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  type Problem,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { runCron } from '../support/database.ts'
import { cheapenPasswords, type Isolate, runIsolate } from '../support/faults.ts'

const ADMIN_TOKEN = String(env.ADMIN_TOKEN)
const OTHER_PASSWORD = 'a third and again different one'

type Send = (isolate: Isolate) => Promise<Response>

/** A person with two sessions, and two requests about them. */
interface Pair {
  readonly name: string
  readonly first: Send
  readonly second: Send
  /** Of the isolates, where they differ from the tests' own. */
  readonly settings?: Partial<Env>
}

interface Ended {
  readonly name: string
  /** `ok`, `done` for a 503 that says so, or the problem's code. */
  readonly first: string
  readonly second: string
  /** The passwords that open the account, each with how it is answered. */
  readonly opens: readonly string[]
  readonly row: Record<string, unknown> | null
}

beforeEach(() => {
  cheapenPasswords()
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

const manage =
  (id: string, body: object): Send =>
  ({ fetch }) =>
    call('PATCH', `/admin/users/${id}`, { bearer: ADMIN_TOKEN, body }, fetch)

const leave =
  (bearer: string): Send =>
  ({ fetch }) =>
    call('DELETE', '/auth/me', { bearer, body: { current_password: PASSWORD } }, fetch)

async function wordOf(answer: Response | null): Promise<string> {
  if (answer?.ok) return 'ok'
  if (answer === null) return 'stopped'
  const { code, changed } = (await answer.json()) as Problem
  return changed === true ? 'done' : code
}

/** Runs the second whole before a given round trip of the first. */
async function interleave({ name, first, second, settings = {} }: Pair, at: number): Promise<Ended> {
  let other: Response | null = null
  const meanwhile = async () => {
    other = (await runIsolate(second, null, settings)).answer
  }
  const { answer } = await runIsolate(first, { at, meanwhile }, settings)
  await runCron()
  const passwords = [PASSWORD, NEW_PASSWORD, OTHER_PASSWORD]
  const fetch = workerWith(settings)
  const tried = await Promise.all(
    passwords.map(async (password) => ({ password, word: await wordOf(await logIn(name, password, fetch)) })),
  )
  const opens = tried.filter(({ word }) => word !== 'invalid_credentials')
  const row = await env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(name).first()
  return {
    name,
    first: await wordOf(answer),
    second: await wordOf(other),
    opens: opens.map(({ password, word }) => `${password}: ${word}`),
    row,
  }
}

/** Every place at which the second can come between, and then with the two in each other's place. */
async function everyOrder(make: () => Promise<Pair>): Promise<readonly Ended[]> {
  const ends: Ended[] = []
  for (const swapped of [false, true]) {
    const pair = async () => {
      const { first, second, ...rest } = await make()
      return swapped ? { ...rest, first: second, second: first } : { ...rest, first, second }
    }
    const { first, settings } = await pair()
    const { trips } = await runIsolate(first, null, settings)
    for (let at = 1; at <= trips.length; at++) {
      const { first, second, ...end } = await interleave(await pair(), at)
      ends.push(swapped ? { ...end, first: second, second: first } : { ...end, first, second })
    }
  }
  expect(ends.length).toBeGreaterThan(10)
  return ends
}

const took = (word: string) => word === 'ok' || word === 'done'

describe('two concurrent changes of one account', () => {
  it('disables an account whose password changes at the same time, and reports the password change correctly', async () => {
    const ends = await everyOrder(async () => {
      const { name, access_token, user } = await twoSessions()
      return {
        name,
        first: setPassword(access_token, NEW_PASSWORD),
        second: manage(user.id, { disabled: true }),
      }
    })
    for (const { first, second, opens } of ends) {
      expect(second).toBe('ok')
      expect(opens).toEqual([`${took(first) ? NEW_PASSWORD : PASSWORD}: account_disabled`])
      if (!took(first)) expect(['invalid_token', 'account_disabled']).toContain(first)
    }
  })

  it('sets one of two concurrent new passwords, and refuses the other call', async () => {
    const ends = await everyOrder(async () => {
      const { name, access_token, elsewhere } = await twoSessions()
      return {
        name,
        first: setPassword(access_token, NEW_PASSWORD),
        second: setPassword(elsewhere, OTHER_PASSWORD),
      }
    })
    for (const { first, second, opens } of ends) {
      expect([first, second].filter(took)).toHaveLength(1)
      expect(opens).toEqual([`${took(first) ? NEW_PASSWORD : OTHER_PASSWORD}: ok`])
      const refusal = took(first) ? second : first
      expect(['invalid_token', 'invalid_credentials']).toContain(refusal)
    }
  })

  it('deletes an account that is renamed at the same time, under both names', async () => {
    let renamed = ''
    const ends = await everyOrder(async () => {
      const { name, access_token, elsewhere } = await twoSessions()
      renamed = newName()
      return { name, first: leave(access_token), second: patch(elsewhere, { username: renamed }) }
    })
    for (const { first, opens, row } of ends) expect([first, opens, row]).toEqual(['ok', [], null])
    const left = env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(renamed)
    expect(await left.first()).toBeNull()
  })

  it('keeps an email address set by the owner and a role granted by an operator at the same time', async () => {
    const ends = await everyOrder(async () => {
      const { name, access_token, user } = await twoSessions()
      return {
        name,
        first: patch(access_token, { email: `${name}@example.com` }),
        second: manage(user.id, { roles: ['editor'] }),
      }
    })
    for (const { name, first, second, row } of ends) {
      expect([first, second]).toEqual(['ok', 'ok'])
      expect(row).toMatchObject({ email: `${name}@example.com`, roles: '["editor"]' })
    }
  })

  it('keeps a new password when a login renews the old hash at the same time', async () => {
    const ends = await everyOrder(async () => {
      const { name, access_token } = await twoSessions()
      return {
        name,
        settings: { PASSWORD_PEPPER: 'a pepper that comes, long enough for production' },
        first: setPassword(access_token, NEW_PASSWORD),
        second: ({ fetch }) => logIn(name, PASSWORD, fetch),
      }
    })
    for (const { first, opens } of ends) expect([first, opens]).toEqual(['ok', [`${NEW_PASSWORD}: ok`]])
  })
})
