import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { CounterRule, Outcome, ReserveResult } from '../../src/limits/counter-rpc.ts'
import { counterRuleOf, RULES } from '../../src/limits/rules.ts'
import { FROZEN_MS, freeze } from '../support/clock.ts'

export const LOGIN = counterRuleOf('login_failures_per_ip', RULES.login_failures_per_ip.defaults)
export const REGISTRATION = counterRuleOf('registrations_per_ip', RULES.registrations_per_ip.defaults)
/** With the threshold of the others. */
export const IDENTIFIER = counterRuleOf('login_failures_per_account', {
  ...RULES.login_failures_per_account.defaults,
  threshold: 3,
})
export const FAILURE: Outcome = { kind: 'counted', account: 'ada' }
export const RELEASE: Outcome = { kind: 'released' }
export const CHALLENGED = { challenged: true }

export let stub: ReturnType<typeof env.COUNTER.getByName>
let ids = 0

/** A counter that has counted nothing yet, on a frozen clock. */
export function newCounter(): void {
  freeze()
  stub = env.COUNTER.getByName(crypto.randomUUID())
}

export const newId = () => `attempt ${++ids}`
export const newIds = (length: number) => Array.from({ length }, newId)

export const reserve = (id: string, rule = LOGIN, waits = true): Promise<ReserveResult> =>
  stub.reserve({ rule, id, requester: 'requester', waits, solved: null })

export const newNonce = () => ({ value: newId(), expiresAtMs: FROZEN_MS + 300_000 })

/** Reserves an attempt with a solved challenge, each with a nonce of its own. */
export const reserveSolved = (
  id: string,
  { rule = LOGIN as CounterRule | null, difficulty = 0, nonce = newNonce(), requester = 'requester' } = {},
): Promise<ReserveResult> => stub.reserve({ rule, id, requester, waits: true, solved: { difficulty, nonce } })

export const settle = (id: string, outcome: Outcome = FAILURE, { rule = LOGIN, challenged = false } = {}) =>
  stub.settle({ rule, id, outcome, challenged })

/** Reserves an attempt and settles it as a failure. */
export async function fail(account = 'ada', rule = LOGIN): Promise<string> {
  const id = newId()
  expect((await reserve(id, rule)).outcome).toBe('admitted')
  expect((await settle(id, { kind: 'counted', account }, { rule })).settled).toBe(true)
  return id
}

export async function failTimes(times: number, rule = LOGIN): Promise<void> {
  for (let failure = 1; failure <= times; failure++) await fail('ada', rule)
}

export const outcomesOf = (results: readonly ReserveResult[]) => results.map(({ outcome }) => outcome)
export const countAdmitted = (results: readonly ReserveResult[]) =>
  outcomesOf(results).filter((outcome) => outcome === 'admitted').length

export const storedKeys = () =>
  runInDurableObject(stub, (_object, { storage }) => [...storage.kv.list()].map(([key]) => key))
export const alarm = () => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm())

/** Whether a promise is unresolved after the object has served two other calls. */
export async function isUnresolved(promise: Promise<unknown>): Promise<boolean> {
  let open = true
  void promise.then(() => {
    open = false
  })
  await stub.peek(LOGIN)
  await stub.peek(LOGIN)
  return open
}
