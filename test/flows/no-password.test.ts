/** Accounts without a password. */
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ADMIN_TOKEN } from '../support/admin.ts'
import {
  call,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  workerWith,
} from '../support/client.ts'
import { change } from '../support/database.ts'
import { LaggingReplica } from '../support/replica.ts'
import { challengeFor, newRequester } from '../support/requester.ts'
import type { Tokens } from '../support/responses.ts'

const INVALID = { status: 401, code: 'invalid_credentials' }
/** What one derivation of a password takes. */
const WORK = 600_000

let person: Tokens & { readonly name: string }

const removePassword = () => change(person.user.id, 'password_hash = NULL', [])

/** Counts the iterations of all derivations from now on. */
function countIterations(): () => number {
  const deriveBits = vi.spyOn(crypto.subtle, 'deriveBits')
  return () =>
    deriveBits.mock.calls
      .map(([algorithm]) => algorithm as SubtleCryptoDeriveKeyAlgorithm)
      .reduce((sum, { iterations = 0 }) => sum + iterations, 0)
}

beforeEach(async () => {
  person = await newPerson()
})
afterEach(() => vi.restoreAllMocks())

describe('a login to an account without a password', () => {
  beforeEach(removePassword)

  it('is refused like a wrong password, with the work of one derivation', async () => {
    const iterations = countIterations()
    const problem = await refused(logIn(person.name, PASSWORD))
    expect(problem).toMatchObject(INVALID)
    expect(iterations()).toBe(WORK)
    expect(await refused(logIn(newName(), PASSWORD))).toEqual(problem)
  })

  it('derives once if a replica is read before the primary', async () => {
    const { db } = await LaggingReplica.copy()
    const iterations = countIterations()
    expect(await refused(logIn(person.name, PASSWORD, workerWith({ DB: db })))).toMatchObject(INVALID)
    expect(iterations()).toBe(WORK)
  })

  it('counts as a failure', async () => {
    const here = newRequester()
    await here.failTimes(3, person.name)
    expect(await challengeFor(here, newName())).toBeDefined()
  })

  it('is refused if the account is also disabled, without telling so', async () => {
    await change(person.user.id, 'disabled = 1', [])
    expect(await refused(logIn(person.name, PASSWORD))).toMatchObject(INVALID)
  })

  it.each([
    ['PATCH', '/auth/me', { username: newName() }],
    ['PUT', '/auth/me/password', { new_password: NEW_PASSWORD }],
    ['DELETE', '/auth/me', {}],
    ['DELETE', '/auth/sessions', {}],
  ])('leaves no password that confirms a request: %s %s', async (method, path, body) => {
    const iterations = countIterations()
    const request = { bearer: person.access_token, body: { ...body, current_password: PASSWORD } }
    expect(await refused(call(method, path, request))).toMatchObject(INVALID)
    expect(iterations()).toBe(WORK)
    const stored = env.DB.prepare('SELECT password_hash FROM accounts WHERE id = ?1').bind(person.user.id)
    expect(await stored.first()).toEqual({ password_hash: null })
  })
})

describe('a login with a password that only a replica still has', () => {
  it('is refused once the primary is read again', async () => {
    await ok(logIn(person.name))
    const { db } = await LaggingReplica.copy()
    await removePassword()
    const patch = { bearer: ADMIN_TOKEN, body: { roles: ['editor'] } }
    await ok(call('PATCH', `/admin/users/${person.user.id}`, patch))
    const iterations = countIterations()
    expect(await refused(logIn(person.name, PASSWORD, workerWith({ DB: db })))).toMatchObject(INVALID)
    expect(iterations()).toBe(2 * WORK)
  })
})
