/** Sends the requests to the service under attack. Only to this machine, and only a bounded number. */
import { parseArgs } from 'node:util'
import { type Challenge, solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'

const MAX_REQUESTS = 4_000
const MAX_MS = 300_000
export const PASSWORD = 'correct horse battery staple'

export interface ServiceResponse {
  /** The problem's code; undefined if the call succeeded. */
  readonly code?: string
  readonly access_token?: string
  readonly challenge?: { readonly parameters: Challenge }
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '8787' } } })
/** Only the loopback address, so that this cannot be used against others. */
const service = `http://127.0.0.1:${Number(values.port)}`
let requests = 0

export async function send(
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
  address: string,
  bearer?: string,
): Promise<ServiceResponse> {
  requests += 1
  if (requests > MAX_REQUESTS) fail(`Stopped: more than ${MAX_REQUESTS} requests.`)
  if (performance.now() > MAX_MS) fail(`Stopped: more than ${MAX_MS / 1000} s.`)
  const headers = {
    'Content-Type': 'application/json',
    'CF-Connecting-IP': address,
    ...(bearer && { Authorization: `Bearer ${bearer}` }),
  }
  const response = await fetch(service + path, { method, headers, body: JSON.stringify(body) }).catch(() =>
    fail(`No service at ${service}. Start it:  npm run dev -- --port ${values.port}`),
  )
  return (await response.json()) as ServiceResponse
}

/** Sends the request of an honest user, who solves the challenge if one is required. */
export async function sendSolvingChallenges(
  path: string,
  body: object,
  address: string,
): Promise<ServiceResponse> {
  const response = await send('POST', path, body, address)
  if (response.challenge === undefined) return response
  return send('POST', path, { ...body, challenge: await solve(response.challenge.parameters) }, address)
}

export function newName(): string {
  return `bench.${crypto.randomUUID().slice(0, 13)}`
}

export interface Person {
  readonly name: string
  readonly bearer: string
}

/** Registers a new account, from an IP address of its own. */
export async function register(): Promise<Person> {
  const name = newName()
  const body = { username: name, password: PASSWORD }
  const { code, access_token } = await sendSolvingChallenges('/auth/register', body, newAddress())
  if (access_token === undefined) return fail(`A registration that the attacks need is refused: ${code}.`)
  return { name, bearer: access_token }
}

/** Guesses a password. */
export function guess(identifier: string, address: string, challenge?: string): Promise<ServiceResponse> {
  return send('POST', '/auth/login', { identifier, password: 'a guess', challenge }, address)
}

/** Solves the challenge like the widget. */
export async function solve(challenge: Challenge): Promise<string> {
  return btoa(JSON.stringify({ challenge, solution: await solveChallenge({ challenge, deriveKey }) }))
}

/** The difficulty of a challenge. Each step doubles the work. */
export function difficultyOf({ parameters }: Challenge): number {
  return Number(parameters.data?.level)
}

/** RFC 2544, appendix C.2.2: addresses for benchmarks. */
export function newAddress(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3))
  return `198.${18 + (a % 2)}.${b}.${c}`
}

/** RFC 5180, section 8: the same, IPv6. One network for each run. */
const [run = 0] = crypto.getRandomValues(new Uint16Array(1))
const NETWORK_48 = `2001:2:${run.toString(16)}`

/** @param network the number of a /64 network in this run's /48 */
export function ipv6Address(network: number, host: number): string {
  return `${NETWORK_48}:${network.toString(16)}::${host.toString(16)}`
}

export function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
