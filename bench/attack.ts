/**
 * `npm run bench:attack [-- --port N]`: guesses passwords at a service that `npm run dev` runs on this machine, in three
 * ways, with somebody honest logging in beside it. Prints how many guesses reached the password check, what they cost,
 * and how long the honest log ins took against a quiet service. Bounded: 2,000 requests, 30 seconds.
 */
import { parseArgs } from 'node:util'
import { type Challenge, solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'

const MAX_REQUESTS = 2_000
const ATTACK_MS = 7_000
const REQUESTS_PER_ATTACK = 600
const ATTACKERS = 20
const ATTACKER_PAUSE_MS = 200
const HONEST_PAUSE_MS = 200
const QUIET_LOG_INS = 10
const PASSWORD = 'correct horse battery staple'

interface Target {
  readonly identifier: string
  readonly address: string
}

interface Attack {
  readonly name: string
  /** The nth guess: whose account, and from where. */
  readonly target: (n: number) => Target
}

class Result {
  requests = 0
  readonly reached = { unchallenged: 0, challenged: 0 }
  refused = 0
  readonly honestMs: number[] = []
}

interface Answer {
  readonly code?: string
  readonly challenge?: { readonly parameters: Challenge }
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '8787' } } })
/** Loopback alone: this is no tool against others. */
const service = `http://127.0.0.1:${Number(values.port)}`
let requests = 0

async function post(path: string, body: object, address: string): Promise<Answer> {
  requests += 1
  if (requests > MAX_REQUESTS) fail(`More than ${MAX_REQUESTS} requests.`)
  const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': address }
  const response = await fetch(service + path, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
    () => fail(`Nothing answers at ${service}. Start it:  npm run dev -- --port ${values.port}`),
  )
  return (await response.json()) as Answer
}

async function register(): Promise<string> {
  const username = `bench.${crypto.randomUUID().slice(0, 8)}`
  const { code } = await post('/auth/register', { username, password: PASSWORD }, newAddress())
  if (code !== undefined) fail(`The registrations that the attacks need are refused: ${code}.`)
  return username
}

/** @returns milliseconds */
async function logIn(identifier: string, address: string): Promise<number> {
  const startedAtMs = performance.now()
  const { code } = await post('/auth/login', { identifier, password: PASSWORD }, address)
  if (code !== undefined) fail(`An honest log in is refused: ${code}.`)
  return performance.now() - startedAtMs
}

async function guess({ identifier, address }: Target, result: Result, challenge?: string): Promise<Answer> {
  result.requests += 1
  const answer = await post('/auth/login', { identifier, password: 'a guess', challenge }, address)
  const reached = challenge === undefined ? 'unchallenged' : 'challenged'
  if (answer.code === 'invalid_credentials') result.reached[reached] += 1
  else result.refused += 1
  return answer
}

/** Real work, as the widget does it. */
async function solve(challenge: Challenge): Promise<string> {
  return btoa(JSON.stringify({ challenge, solution: await solveChallenge({ challenge, deriveKey }) }))
}

/** Twenty attackers guess, one of them solves challenges, and somebody honest logs in beside them. */
async function run({ target }: Attack, honest: string): Promise<Result> {
  const result = new Result()
  const endsAtMs = performance.now() + ATTACK_MS
  const goesOn = () => performance.now() < endsAtMs && result.requests < REQUESTS_PER_ATTACK - ATTACKERS
  let guesses = 0
  const attack = async (solves: boolean) => {
    while (goesOn()) {
      const next = target(guesses++)
      const { challenge } = await guess(next, result)
      if (solves && challenge !== undefined) await guess(next, result, await solve(challenge.parameters))
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
  await Promise.all([beside(), ...Array.from({ length: ATTACKERS }, (_, n) => attack(n === 0))])
  return result
}

function report(name: string, { requests, reached, refused, honestMs }: Result, quietMs: number): void {
  const ratio = (median(honestMs) / quietMs).toFixed(2)
  console.log(`${name}: ${requests} guesses
  reached the password check unchallenged   ${reached.unchallenged}
  reached it with a solved challenge        ${reached.challenged}
  refused                                   ${refused}
  honest log in beside it                   ${median(honestMs).toFixed(0)} ms, ${ratio} times a quiet service's (${honestMs.length} log ins)`)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

/** RFC 2544, appendix C.2.2: addresses for benchmarks. */
function newAddress(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3))
  return `198.${18 + (a % 2)}.${b}.${c}`
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const [honest, first, second] = [await register(), await register(), await register()]
const [here, there, quiet] = [newAddress(), newAddress(), newAddress()]
const many = Array.from({ length: 500 }, newAddress)
const attacks: readonly Attack[] = [
  { name: 'one account from 1 address', target: () => ({ identifier: first, address: here }) },
  {
    name: 'one account from 500 addresses',
    target: (n) => ({ identifier: second, address: many[n % many.length] ?? here }),
  },
  {
    name: '500 accounts from 1 address',
    target: (n) => ({ identifier: `bench.account.${n % 500}`, address: there }),
  },
]

const quietMs: number[] = []
for (let n = 0; n < QUIET_LOG_INS; n++) quietMs.push(await logIn(honest, quiet))
console.log(`quiet: honest log in ${median(quietMs).toFixed(0)} ms`)
for (const attack of attacks) report(attack.name, await run(attack, honest), median(quietMs))
