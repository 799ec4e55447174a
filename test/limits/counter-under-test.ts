import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { AttemptCounterStub } from '../../src/limits/attempt-counter.ts'
import type { Outcome, ReserveResult } from '../../src/limits/counter-rpc.ts'
import type { RuleName } from '../../src/limits/rules.ts'
import { freeze } from '../support/clock.ts'

export const LIMIT = { threshold: 3, windowMs: 300_000 }
export const LOGIN: RuleName = 'login_failures_per_ip'
export const REGISTRATION: RuleName = 'registrations_per_ip'
export const FAILURE: Outcome = { kind: 'counted', account: 'ada' }
export const RELEASE: Outcome = { kind: 'void' }

export let stub: ReturnType<typeof env.COUNTER.getByName>
export let counter: AttemptCounterStub
let ids = 0

/** A counter that has counted nothing yet, on a frozen clock. */
export function newCounter(): void {
  freeze()
  stub = env.COUNTER.getByName(crypto.randomUUID())
  counter = stub as unknown as AttemptCounterStub
}

export const newId = () => `attempt ${++ids}`

export const reserve = (id: string, rule: RuleName = LOGIN, limit = LIMIT, waits = true) =>
  counter.reserve({ rule, limit, id, waits })
export const settle = (
  id: string,
  outcome: Outcome = FAILURE,
  { rule = LOGIN as RuleName, limit = LIMIT, challenged = false } = {},
) => counter.settle({ rule, limit, id, outcome, challenged })

/** Reserves an attempt and settles it as a failure. */
export async function fail(account = 'ada'): Promise<string> {
  const id = newId()
  expect((await reserve(id)).admitted).toBe(true)
  expect((await settle(id, { kind: 'counted', account })).settled).toBe(true)
  return id
}

export const countAdmitted = (reservations: readonly ReserveResult[]) =>
  reservations.filter((one) => one.admitted).length

export const storedKeys = () =>
  runInDurableObject(stub, (_object, { storage }) => [...storage.kv.list()].map(([key]) => key))

/** Whether a promise is unresolved after the object has served two other calls. */
export async function isUnresolved(promise: Promise<unknown>): Promise<boolean> {
  let open = true
  void promise.then(() => {
    open = false
  })
  await counter.peek(LOGIN, LIMIT)
  await counter.peek(LOGIN, LIMIT)
  return open
}
