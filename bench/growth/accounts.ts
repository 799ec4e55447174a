/** What log in and registration cost where many others have an account. */
import { randomBytes } from 'node:crypto'
import { type Load, sendExactly } from '../compare/load.ts'
import { MAX_CONCURRENCY, post } from '../compare/pair.ts'
import { PASSWORD } from '../compare/seeds.ts'
import { grouped, milliseconds, table } from '../document.ts'
import { alternate, type Measured, type Rounds } from './alternate.ts'
import { fill, someOf } from './fill.ts'
import { type Bundles, type Database, onStage, type Player, type Stage } from './stage.ts'

const SIZES = [1_000, 100_000, 1_000_000] as const
/** Who logs in: as many at each size, and so few that their objects are never evicted meanwhile. */
const PEOPLE = 256
const MAX_RELATIVE = 1.2
const SHORT: Rounds = { count: 21, durationMs: 250 }
const WITH_HASH: Rounds = { count: 5, durationMs: 800 }

interface Row {
  readonly call: string
  readonly concurrency: number
  /** One for each size. */
  readonly measured: readonly Measured[]
}

/** How somebody gets at a database. */
interface Door {
  readonly port: number
  readonly people: readonly string[]
  /** Everybody's, there. */
  readonly password: string
}

interface House {
  readonly withoutHash: Door
  readonly withHash: Door
}

export async function reportAccounts(bundles: Bundles): Promise<string> {
  const rows = await onStage(
    bundles,
    SIZES.flatMap((size) => playersOf(bundles, size)),
    measureSizes,
  )
  return `### Accounts in D1

How long a log in and a registration take where the database has more and more accounts; in brackets, how many times as long as
with ${grouped(SIZES[0])} in the same round. Medians of ${SHORT.count} rounds (${WITH_HASH.count} with the hash), each of which visits all three databases. "Without the
hash" leaves the derivation out, which hides what the database costs. ${PEOPLE} people of each database log in, picked at random,
whose objects are awake. Whoever registers gives a username and an email address.

${table(['call', 'at once', ...SIZES.map((size) => `${grouped(size)} accounts`)], rows.map(cellsOf))}

${judge(rows)}`
}

function playersOf({ gatehouse, withoutHash }: Bundles, size: number): readonly Player[] {
  return [
    { name: nameOf(size), bundle: withoutHash },
    { name: withHash(size), bundle: gatehouse, owner: nameOf(size) },
  ]
}

function nameOf(size: number): string {
  return `accounts-${size}`
}

function withHash(size: number): string {
  return `accounts-${size}-with-hash`
}

async function measureSizes(stage: Stage): Promise<readonly Row[]> {
  const houses: House[] = []
  for (const size of SIZES) houses.push(await furnish(stage, size))
  for (const { withoutHash } of houses) await sendExactly(PEOPLE, loggingIn(withoutHash), MAX_CONCURRENCY)
  const measure = async (call: string, load: (house: House) => Load, concurrency: number, rounds: Rounds) => {
    return { call, concurrency, measured: await alternate(houses.map(load), concurrency, rounds) }
  }
  const logIn = ({ withoutHash }: House) => loggingIn(withoutHash)
  const register = ({ withoutHash }: House) => registering(withoutHash)
  return [
    await measure('log in without the hash', logIn, 1, SHORT),
    await measure('log in without the hash', logIn, MAX_CONCURRENCY, SHORT),
    await measure('register without the hash', register, 1, SHORT),
    await measure('register without the hash', register, MAX_CONCURRENCY, SHORT),
    await measure('log in', ({ withHash }) => loggingIn(withHash), 1, WITH_HASH),
    await measure('register', ({ withHash }) => registering(withHash), 1, WITH_HASH),
  ]
}

/** Where the hash is left out, what is stored is the password itself: so everybody has one that fits both. */
async function furnish(stage: Stage, size: number): Promise<House> {
  const database = await stage.database(nameOf(size))
  const port = await stage.port(nameOf(size))
  const portWithHash = await stage.port(withHash(size))
  const passwordHash = await hashOf(database, portWithHash)
  await fill(database, size, passwordHash)
  const people = await someOf(database, PEOPLE)
  return {
    withoutHash: { port, people, password: passwordHash },
    withHash: { port: portWithHash, people, password: PASSWORD },
  }
}

/** @returns PASSWORD as the service stores it */
async function hashOf(database: Database, port: number): Promise<string> {
  await sendExactly(1, registering({ port }), 1)
  const row = await database.prepare('SELECT password_hash FROM accounts').first<{ password_hash: string }>()
  if (row === null) throw new Error('nobody was registered')
  return row.password_hash
}

function loggingIn({ port, people, password }: Door): Load {
  let turn = 0
  const next = (connection: number) => {
    turn = (turn + 1) % people.length
    return post('/auth/login', { identifier: people[turn], password }, connection)
  }
  return { port, status: 200, next }
}

function registering({ port }: Pick<Door, 'port'>): Load {
  return { port, status: 201, next: registration }
}

/** Past those who log in. */
let lastAddress = MAX_CONCURRENCY

/** Somebody new, whose names belong anywhere among the others. */
function registration(): string {
  lastAddress += 1
  const name = randomBytes(6).toString('hex')
  const body = { username: `user.${name}`, email: `${name}@example.com`, password: PASSWORD }
  return post('/auth/register', body, lastAddress)
}

function cellsOf({ call, concurrency, measured }: Row): readonly string[] {
  const times = measured.map(({ answerMs, relative }, index) => {
    return index === 0 ? milliseconds(answerMs) : `${milliseconds(answerMs)} (${relative.toFixed(2)})`
  })
  return [call, String(concurrency), ...times]
}

function judge(rows: readonly Row[]): string {
  const most = Math.max(...rows.flatMap(({ measured }) => measured.map(({ relative }) => relative)))
  const kept = most <= MAX_RELATIVE ? 'It is kept' : 'It is not kept'
  return `The target is at most ${MAX_RELATIVE} times. ${kept}: the most is ${most.toFixed(2)}.`
}
