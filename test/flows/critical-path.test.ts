import { beforeAll, describe, expect, it } from 'vitest'
import { call, logIn, newName, newPerson, PASSWORD, refresh, workerWith } from '../support/client.ts'
import { CriticalPath } from '../support/critical-path.ts'
import { intercept } from '../support/intercept.ts'
import { newRequester, WRONG } from '../support/requester.ts'
import type { Tokens } from '../support/responses.ts'

/** A Worker whose round trips to D1 and to objects are delayed. */
function delayed() {
  const path = new CriticalPath()
  /** @returns the number of round trips in a row until the response, of the longest row */
  const hopsOf = async (send: () => Promise<Response>, status: number): Promise<number> => {
    path.reset()
    expect((await send()).status).toBe(status)
    return path.hops
  }
  return { worker: workerWith(intercept(path.delay)), hopsOf }
}

describe('the critical path in a warm isolate', () => {
  const { worker, hopsOf } = delayed()
  let person: Tokens & { readonly name: string }

  beforeAll(async () => {
    person = await newPerson(worker)
  })

  it('registers with three round trips in a row: reserve, store, open', async () => {
    expect(await hopsOf(() => newRequester(worker).register({ username: newName() }), 201)).toBe(3)
  })

  it('logs in with five round trips in a row: reserve, reserve beside the read, open, settle, settle', async () => {
    expect(await hopsOf(() => logIn(person.name, PASSWORD, worker), 200)).toBe(5)
  })

  it('rejects an incorrect password, read from the primary, with four round trips in a row: reserve, reserve beside the read, settle, settle', async () => {
    expect(await hopsOf(() => newRequester(worker).logIn(person.name, WRONG), 401)).toBe(4)
  })

  it('refreshes and serves GET /auth/me with one round trip', async () => {
    expect(await hopsOf(() => refresh(person.refresh_token, worker), 200)).toBe(1)
    const me = () => call('GET', '/auth/me', { bearer: person.access_token }, worker)
    expect(await hopsOf(me, 200)).toBe(1)
  })

  it('serves the key set and forward auth without a round trip', async () => {
    const { access_token: bearer } = person
    expect(await hopsOf(() => call('GET', '/.well-known/jwks.json', {}, worker), 200)).toBe(0)
    expect(await hopsOf(() => call('GET', '/auth/verify', { bearer }, worker), 200)).toBe(0)
  })
})

describe('the critical path of the first request of an isolate', () => {
  it('adds one round trip to a login, a registration and a refresh: the shared record', async () => {
    const person = await newPerson()
    const cold = () => delayed()
    const login = cold()
    expect(await login.hopsOf(() => logIn(person.name, PASSWORD, login.worker), 200)).toBe(6)
    const registration = cold()
    const register = () => newRequester(registration.worker).register({ username: newName() })
    expect(await registration.hopsOf(register, 201)).toBe(4)
    const refreshing = cold()
    expect(await refreshing.hopsOf(() => refresh(person.refresh_token, refreshing.worker), 200)).toBe(2)
  })
})
