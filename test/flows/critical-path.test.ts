import { beforeAll, describe, expect, it } from 'vitest'
import { call, logIn, newName, newPerson, PASSWORD, refresh, workerWith } from '../support/client.ts'
import { intercept } from '../support/intercept.ts'
import { newRequester, WRONG } from '../support/requester.ts'
import type { Tokens } from '../support/responses.ts'

/** Long enough that calls which begin together overlap. */
const DELAY_MS = 60

/** One round trip, from the moment it begins to the moment its result is there. Times of a clock that counts these moments. */
interface Trip {
  readonly from: number
  readonly to: number
}

/** A Worker whose round trips to D1 and to objects are delayed, and what they are. */
function delayed() {
  let clock = 0
  let trips: Trip[] = []
  const bindings = intercept(async (_trip, work) => {
    const from = ++clock
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS))
    try {
      return await work()
    } finally {
      trips.push({ from, to: ++clock })
    }
  })
  /** @returns the number of round trips in a row until the response, of the longest row */
  const hopsOf = async (send: () => Promise<Response>, status: number): Promise<number> => {
    trips = []
    expect((await send()).status).toBe(status)
    return longestRow(trips)
  }
  return { worker: workerWith(bindings), hopsOf }
}

/** @param trips in the order in which they ended */
function longestRow(trips: readonly Trip[]): number {
  const depths: number[] = []
  for (const { from } of trips) {
    const before = trips
      .slice(0, depths.length)
      .flatMap((trip, at) => (trip.to < from ? (depths[at] ?? 0) : 0))
    depths.push(1 + Math.max(0, ...before))
  }
  return Math.max(0, ...depths)
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
