/** Guesses at passwords, with somebody honest logging in beside them. */
import { median } from '../median.ts'
import {
  type Answer,
  difficultyOf,
  fail,
  guess,
  newAddress,
  PASSWORD,
  pause,
  register,
  sendHonestly,
  solve,
} from './service.ts'

const ATTACK_MS = 7_000
const REQUESTS_PER_ATTACK = 600
const ATTACKERS = 20
const ATTACKER_PAUSE_MS = 200
const HONEST_PAUSE_MS = 200
const QUIET_LOG_INS = 10

interface Target {
  readonly identifier: string
  readonly address: string
}

interface Attack {
  readonly name: string
  /** How many of the attackers solve challenges. */
  readonly solvers: number
  /** The nth guess: whose account, and from where. */
  readonly target: (n: number) => Target
}

class Result {
  requests = 0
  readonly reached = { unchallenged: 0, challenged: 0 }
  refused = 0
  level = 0
  readonly honestMs: number[] = []
}

export async function guessPasswords(): Promise<void> {
  const [honest, first, second, third] = await Promise.all([register(), register(), register(), register()])
  const [here, there, quiet] = [newAddress(), newAddress(), newAddress()]
  const many = Array.from({ length: 500 }, newAddress)
  const oneOfMany = (n: number) => many[n % many.length] ?? here
  const attacks: readonly Attack[] = [
    {
      name: 'one account from 1 address',
      solvers: 1,
      target: () => ({ identifier: first.name, address: here }),
    },
    {
      name: 'one account from 500 addresses',
      solvers: 1,
      target: (n) => ({ identifier: second.name, address: oneOfMany(n) }),
    },
    {
      name: 'one account from 500 addresses, all of which solve challenges',
      solvers: ATTACKERS,
      target: (n) => ({ identifier: third.name, address: oneOfMany(n) }),
    },
    {
      name: '500 accounts from 1 address',
      solvers: 1,
      target: (n) => ({ identifier: `bench.account.${n % 500}`, address: there }),
    },
  ]
  const quietMs: number[] = []
  for (let n = 0; n < QUIET_LOG_INS; n++) quietMs.push(await logIn(honest.name, quiet))
  console.log(`quiet: honest log in ${median(quietMs).toFixed(0)} ms`)
  for (const attack of attacks) report(attack, await run(attack, honest.name), median(quietMs))
}

/** @returns milliseconds */
async function logIn(identifier: string, address: string): Promise<number> {
  const startedAtMs = performance.now()
  const { code } = await sendHonestly('/auth/login', { identifier, password: PASSWORD }, address)
  if (code !== undefined) fail(`An honest log in is refused: ${code}.`)
  return performance.now() - startedAtMs
}

async function run({ target, solvers }: Attack, honest: string): Promise<Result> {
  const result = new Result()
  const endsAtMs = performance.now() + ATTACK_MS
  const goesOn = () => performance.now() < endsAtMs && result.requests < REQUESTS_PER_ATTACK - ATTACKERS
  let guesses = 0
  const attack = async (solves: boolean) => {
    while (goesOn()) {
      const { identifier, address } = target(guesses++)
      const { challenge } = count(result, 'unchallenged', await guess(identifier, address))
      if (solves && challenge !== undefined) {
        result.level = Math.max(result.level, difficultyOf(challenge.parameters))
        const answer = await solve(challenge.parameters)
        count(result, 'challenged', await guess(identifier, address, answer))
      }
      await pause(ATTACKER_PAUSE_MS)
    }
  }
  const address = newAddress()
  const beside = async () => {
    while (goesOn()) {
      result.honestMs.push(await logIn(honest, address))
      await pause(HONEST_PAUSE_MS)
    }
  }
  await Promise.all([beside(), ...Array.from({ length: ATTACKERS }, (_, n) => attack(n < solvers))])
  return result
}

function count(result: Result, reached: keyof Result['reached'], answer: Answer): Answer {
  result.requests += 1
  if (answer.code === 'invalid_credentials') result.reached[reached] += 1
  else result.refused += 1
  return answer
}

function report(
  { name, solvers }: Attack,
  { requests, reached, refused, level, honestMs }: Result,
  quietMs: number,
) {
  const ratio = (median(honestMs) / quietMs).toFixed(2)
  console.log(`${name}: ${requests} guesses by ${ATTACKERS} attackers
  reached the password check unchallenged   ${reached.unchallenged}
  reached it with a solved challenge        ${reached.challenged}, by ${solvers} who solve; the dearest at ${2 ** level} times the price
  refused                                   ${refused}
  honest log in beside it                   ${median(honestMs).toFixed(0)} ms, ${ratio} times a quiet service's (${honestMs.length} log ins)`)
}
