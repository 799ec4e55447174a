/** Floods of registrations, and learning who has an account. */
import {
  type Answer,
  ipv6Address,
  newAddress,
  newName,
  PASSWORD,
  type Person,
  register,
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

/** @returns how many were stored */
async function registerFrom(address: (n: number) => string): Promise<number> {
  const answers = await inTurn(FLOOD, (n) =>
    send('POST', '/auth/register', { username: newName(), password: PASSWORD }, address(n)),
  )
  return answers.filter(({ code }) => code === undefined).length
}

/** Half of the names that are tried have an account. */
export async function enumerateAccounts(): Promise<void> {
  const people = await Promise.all(Array.from({ length: NAMES / 2 }, register))
  const names = people.flatMap(({ name }) => [name, newName()])
  const learnt = (answers: readonly Answer[]) =>
    answers.filter(({ code }) => code === undefined || code === 'identifier_taken').length
  const report = (how: string, answers: readonly Answer[]) =>
    console.log(`${NAMES} names tried ${how.padEnd(38)}${learnt(answers)} learnt`)

  const here = newAddress()
  report('by registering from 1 address', await inTurn(NAMES, (n) => registerAs(names[n] ?? '', here)))
  const attacker = await register()
  const there = newAddress()
  report('by PATCH from 1 address', await inTurn(NAMES, (n) => renameTo(names[n] ?? '', attacker, there)))
  const [first = '', second = ''] = [newAddress(), newAddress()]
  const both = await inTurn(NAMES, (n) => {
    return n % 2 === 0 ? registerAs(names[n] ?? '', first) : renameTo(names[n] ?? '', attacker, first)
  })
  report('by both from 1 address', both)
  const guesses = await inTurn(NAMES, (n) =>
    send('POST', '/auth/login', { identifier: names[n] ?? '', password: 'a guess' }, second),
  )
  report('by log in from 1 address', guesses)
}

function registerAs(username: string, address: string): Promise<Answer> {
  return send('POST', '/auth/register', { username, password: PASSWORD }, address)
}

function renameTo(username: string, { bearer }: Person, address: string): Promise<Answer> {
  return send('PATCH', '/auth/me', { username, current_password: PASSWORD }, address, bearer)
}

async function inTurn(times: number, call: (n: number) => Promise<Answer>): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (let n = 0; n < times; n++) answers.push(await call(n))
  return answers
}
