/** Guesses passwords while an honest user logs in. */
import { median } from '../median.ts'
import {
  difficultyOf,
  fail,
  guess,
  newAddress,
  PASSWORD,
  pause,
  register,
  type ServiceResponse,
  sendSolvingChallenges,
  solve,
} from './service.ts'

const ATTACK_MS = 7_000
const REQUESTS_PER_ATTACK = 600
const ATTACKERS = 20
const ATTACKER_PAUSE_MS = 200
const HONEST_PAUSE_MS = 200
const QUIET_LOGINS = 10

interface Target {
  readonly identifier: string
  readonly address: string
}

interface Attack {
  readonly name: string
  /** The number of attackers who solve challenges. */
  readonly solvers: number
  /** The account and the IP address of the nth guess. */
  readonly target: (n: number) => Target
}

class Result {
  requests = 0
  readonly checked = { unchallenged: 0, challenged: 0 }
  refused = 0
  difficulty = 0
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
  for (let n = 0; n < QUIET_LOGINS; n++) quietMs.push(await logIn(honest.name, quiet))
  console.log(`quiet: honest login ${median(quietMs).toFixed(0)} ms`)
  for (const attack of attacks) report(attack, await run(attack, honest.name), median(quietMs))
}

/** @returns milliseconds */
async function logIn(identifier: string, address: string): Promise<number> {
  const startedAtMs = performance.now()
  const { code } = await sendSolvingChallenges('/auth/login', { identifier, password: PASSWORD }, address)
  if (code !== undefined) fail(`An honest login is refused: ${code}.`)
  return performance.now() - startedAtMs
}

async function run({ target, solvers }: Attack, honest: string): Promise<Result> {
  const result = new Result()
  const endsAtMs = performance.now() + ATTACK_MS
  const isRunning = () => performance.now() < endsAtMs && result.requests < REQUESTS_PER_ATTACK - ATTACKERS
  let guesses = 0
  const attack = async (solves: boolean) => {
    while (isRunning()) {
      const { identifier, address } = target(guesses++)
      const { challenge } = count(result, 'unchallenged', await guess(identifier, address))
      if (solves && challenge !== undefined) {
        result.difficulty = Math.max(result.difficulty, difficultyOf(challenge.parameters))
        const solution = await solve(challenge.parameters)
        count(result, 'challenged', await guess(identifier, address, solution))
      }
      await pause(ATTACKER_PAUSE_MS)
    }
  }
  const address = newAddress()
  const logInHonestly = async () => {
    while (isRunning()) {
      result.honestMs.push(await logIn(honest, address))
      await pause(HONEST_PAUSE_MS)
    }
  }
  await Promise.all([logInHonestly(), ...Array.from({ length: ATTACKERS }, (_, n) => attack(n < solvers))])
  return result
}

function count(result: Result, kind: keyof Result['checked'], response: ServiceResponse): ServiceResponse {
  result.requests += 1
  if (response.code === 'invalid_credentials') result.checked[kind] += 1
  else result.refused += 1
  return response
}

function report(
  { name, solvers }: Attack,
  { requests, checked, refused, difficulty, honestMs }: Result,
  quietMs: number,
) {
  const ratio = (median(honestMs) / quietMs).toFixed(2)
  console.log(`${name}: ${requests} guesses by ${ATTACKERS} attackers
  password checked without a challenge      ${checked.unchallenged}
  password checked with a solved challenge  ${checked.challenged}, by ${solvers} who solve; at most ${2 ** difficulty} times the base difficulty
  refused                                   ${refused}
  honest login during the attack            ${median(honestMs).toFixed(0)} ms, ${ratio} times as long as on a quiet service (${honestMs.length} logins)`)
}
