/** Floods registrations and enumerates accounts. */
import {
  ipv6Address,
  newAddress,
  newName,
  PASSWORD,
  type Person,
  register,
  type ServiceResponse,
  send,
} from './service.ts'

const FLOOD = 100
const NETWORKS = 20
const NAMES = 30

export async function floodRegistrations(): Promise<void> {
  const one = await registerFrom((n) => ipv6Address(0, n + 1))
  const many = await registerFrom((n) => ipv6Address(1 + (n % NETWORKS), n + 1))
  console.log(`registrations from ${FLOOD} addresses of one /64       ${one} stored
registrations from ${FLOOD} addresses of one /48       ${many} stored, in ${NETWORKS} networks of /64`)
}

/** @returns how many accounts were stored */
async function registerFrom(address: (n: number) => string): Promise<number> {
  const responses = await repeat(FLOOD, (n) =>
    send('POST', '/auth/register', { username: newName(), password: PASSWORD }, address(n)),
  )
  return responses.filter(({ code }) => code === undefined).length
}

/** Half of the tried names have an account. */
export async function enumerateAccounts(): Promise<void> {
  const people = await Promise.all(Array.from({ length: NAMES / 2 }, register))
  const names = people.flatMap(({ name }) => [name, newName()])
  const countRevealed = (responses: readonly ServiceResponse[]) =>
    responses.filter(({ code }) => code === undefined || code === 'identifier_taken').length
  const report = (method: string, responses: readonly ServiceResponse[]) =>
    console.log(`${NAMES} names tried ${method.padEnd(38)}${countRevealed(responses)} revealed`)

  const here = newAddress()
  report('by registering from 1 address', await repeat(NAMES, (n) => registerAs(names[n] ?? '', here)))
  const attacker = await register()
  const there = newAddress()
  report('by PATCH from 1 address', await repeat(NAMES, (n) => renameTo(names[n] ?? '', attacker, there)))
  const [first = '', second = ''] = [newAddress(), newAddress()]
  const both = await repeat(NAMES, (n) => {
    return n % 2 === 0 ? registerAs(names[n] ?? '', first) : renameTo(names[n] ?? '', attacker, first)
  })
  report('by both from 1 address', both)
  const guesses = await repeat(NAMES, (n) =>
    send('POST', '/auth/login', { identifier: names[n] ?? '', password: 'a guess' }, second),
  )
  report('by login from 1 address', guesses)
}

function registerAs(username: string, address: string): Promise<ServiceResponse> {
  return send('POST', '/auth/register', { username, password: PASSWORD }, address)
}

function renameTo(username: string, { bearer }: Person, address: string): Promise<ServiceResponse> {
  return send('PATCH', '/auth/me', { username, current_password: PASSWORD }, address, bearer)
}

async function repeat(
  times: number,
  call: (n: number) => Promise<ServiceResponse>,
): Promise<readonly ServiceResponse[]> {
  const responses: ServiceResponse[] = []
  for (let n = 0; n < times; n++) responses.push(await call(n))
  return responses
}
