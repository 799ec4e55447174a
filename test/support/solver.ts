/** Solves the proof of work as the ALTCHA widget does: real derivations, until the key has the required prefix. */
import { type Challenge as AltchaChallenge, type Solution, solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'
import type { Challenge } from '../../src/challenge/challenge.ts'

export interface Payload {
  challenge: AltchaChallenge
  solution: Solution
}

export function altchaOf(challenge: Challenge | undefined): AltchaChallenge {
  if (challenge?.provider !== 'altcha') throw new Error('no ALTCHA challenge')
  return challenge.parameters as AltchaChallenge
}

export async function work(challenge: Challenge | undefined): Promise<Payload> {
  const altcha = altchaOf(challenge)
  const solution = await solveChallenge({ challenge: altcha, deriveKey })
  if (solution === null) throw new Error('not solved in time')
  return { challenge: altcha, solution }
}

/** The value that a request has as `challenge`. */
export function encode(payload: object): string {
  return btoa(JSON.stringify(payload))
}

export async function solve(challenge: Challenge | undefined): Promise<string> {
  return encode(await work(challenge))
}
