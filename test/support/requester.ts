/** Requests from one IP address. */

import type { Challenge } from '../../src/challenge/challenge.ts'
import { type Call, call, newAddress, PASSWORD, refused, worker } from './client.ts'
import type { Problem } from './responses.ts'

export interface Requester {
  readonly address: string
  readonly call: (method: string, path: string, request?: Call) => Promise<Response>
  readonly logIn: (identifier: string, password?: string, challenge?: string) => Promise<Response>
  readonly register: (identifiers: object, challenge?: string) => Promise<Response>
  /** A login with a wrong password, which must fail as `invalid_credentials`. */
  readonly fail: (identifier: string, challenge?: string) => Promise<void>
  readonly failTimes: (times: number, identifier: string) => Promise<void>
}

export const WRONG = 'a guess that is wrong'

export function newRequester(fetch = worker, address = newAddress()): Requester {
  const here = (method: string, path: string, request: Call = {}) =>
    call(method, path, { ...request, headers: { 'CF-Connecting-IP': address, ...request.headers } }, fetch)
  const post = (path: string, body: object, challenge: string | undefined) =>
    here('POST', path, { body: challenge === undefined ? body : { ...body, challenge } })
  const logIn = (identifier: string, password = PASSWORD, challenge?: string) =>
    post('/auth/login', { identifier, password }, challenge)
  const fail = async (identifier: string, challenge?: string) => {
    expectCode(await refused(logIn(identifier, WRONG, challenge)), 'invalid_credentials')
  }
  return {
    address,
    call: here,
    logIn,
    register: (identifiers, challenge) =>
      post('/auth/register', { password: PASSWORD, ...identifiers }, challenge),
    fail,
    failTimes: async (times, identifier) => {
      for (let failure = 1; failure <= times; failure++) await fail(identifier)
    },
  }
}

/** The challenge that a login needs. */
export async function challengeFor(somebody: Requester, identifier: string): Promise<Challenge | undefined> {
  const problem = await refused(somebody.logIn(identifier))
  expectCode(problem, 'challenge_required')
  return problem.challenge
}

function expectCode({ code }: Problem, expected: string): void {
  if (code !== expected) throw new Error(`${code}, not ${expected}`)
}
