/** Measures the time of login and registration in databases of different sizes. */
import { randomBytes } from 'node:crypto'
import { type Load, sendExactly } from '../compare/load.ts'
import { MAX_CONCURRENCY, post } from '../compare/pair.ts'
import { PASSWORD } from '../compare/seeds.ts'
import { grouped, milliseconds, table } from '../document.ts'
import { alternate, type Measured, type Rounds } from './alternate.ts'
import { fill, randomIdentifiers } from './fill.ts'
import { type Bundles, type Database, type Stage, type WorkerSpec, withStage } from './stage.ts'

const SIZES = [1_000, 100_000, 1_000_000] as const
/** How many people log in at each size: few enough that their objects are not evicted during the measurement. */
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

/** A Worker with its database and the people who log in. */
interface Target {
  readonly port: number
  readonly people: readonly string[]
  /** The password of all accounts there. */
  readonly password: string
}

interface Population {
  readonly withoutHash: Target
  readonly withHash: Target
}

export async function reportAccounts(bundles: Bundles): Promise<string> {
  const rows = await withStage(
    bundles,
    SIZES.flatMap((size) => specsOf(bundles, size)),
    measureSizes,
  )
  return `### Accounts in D1

The time of a login and of a registration by number of accounts in the database; in brackets, the ratio to
${grouped(SIZES[0])} accounts in the same round. Medians of ${SHORT.count} rounds (${WITH_HASH.count} with the hash), each of which visits all three databases. "Without the
hash" omits the derivation, which would hide the cost of the database. In each database ${PEOPLE} people, picked at random, log in;
their objects are awake. Registrations have a username and an email address.

${table(['call', 'connections', ...SIZES.map((size) => `${grouped(size)} accounts`)], rows.map(cellsOf))}

${summary(rows)}`
}

function specsOf({ gatehouse, withoutHash }: Bundles, size: number): readonly WorkerSpec[] {
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
  const populations: Population[] = []
  for (const size of SIZES) populations.push(await preparePopulation(stage, size))
  for (const { withoutHash } of populations)
    await sendExactly(PEOPLE, loggingIn(withoutHash), MAX_CONCURRENCY)
  const measure = async (
    call: string,
    load: (population: Population) => Load,
    concurrency: number,
    rounds: Rounds,
  ) => {
    return { call, concurrency, measured: await alternate(populations.map(load), concurrency, rounds) }
  }
  const logIn = ({ withoutHash }: Population) => loggingIn(withoutHash)
  const register = ({ withoutHash }: Population) => registering(withoutHash)
  return [
    await measure('login without the hash', logIn, 1, SHORT),
    await measure('login without the hash', logIn, MAX_CONCURRENCY, SHORT),
    await measure('registration without the hash', register, 1, SHORT),
    await measure('registration without the hash', register, MAX_CONCURRENCY, SHORT),
    await measure('login', ({ withHash }) => loggingIn(withHash), 1, WITH_HASH),
    await measure('registration', ({ withHash }) => registering(withHash), 1, WITH_HASH),
  ]
}

/** Without the hash, the stored value is the password itself. All accounts share a stored value that works in both Workers. */
async function preparePopulation(stage: Stage, size: number): Promise<Population> {
  const database = await stage.database(nameOf(size))
  const port = await stage.port(nameOf(size))
  const portWithHash = await stage.port(withHash(size))
  const passwordHash = await hashOf(database, portWithHash)
  await fill(database, size, passwordHash)
  const people = await randomIdentifiers(database, PEOPLE)
  return {
    withoutHash: { port, people, password: passwordHash },
    withHash: { port: portWithHash, people, password: PASSWORD },
  }
}

/** @returns PASSWORD as the service stores it */
async function hashOf(database: Database, port: number): Promise<string> {
  await sendExactly(1, registering({ port }), 1)
  const row = await database.prepare('SELECT password_hash FROM accounts').first<{ password_hash: string }>()
  if (row === null) throw new Error('the registration stored no account')
  return row.password_hash
}

function loggingIn({ port, people, password }: Target): Load {
  let turn = 0
  const next = (connection: number) => {
    turn = (turn + 1) % people.length
    return post('/auth/login', { identifier: people[turn], password }, connection)
  }
  return { port, status: 200, next }
}

function registering({ port }: Pick<Target, 'port'>): Load {
  return { port, status: 201, next: registration }
}

/** The addresses after those of the logins. */
let lastAddress = MAX_CONCURRENCY

/** A new account, whose identifiers sort at random positions among the others. */
function registration(): string {
  lastAddress += 1
  const name = randomBytes(6).toString('hex')
  const body = { username: `user.${name}`, email: `${name}@example.com`, password: PASSWORD }
  return post('/auth/register', body, lastAddress)
}

function cellsOf({ call, concurrency, measured }: Row): readonly string[] {
  const times = measured.map(({ responseMs, relative }, index) => {
    return index === 0 ? milliseconds(responseMs) : `${milliseconds(responseMs)} (${relative.toFixed(2)})`
  })
  return [call, String(concurrency), ...times]
}

function summary(rows: readonly Row[]): string {
  const most = Math.max(...rows.flatMap(({ measured }) => measured.map(({ relative }) => relative)))
  const status = most <= MAX_RELATIVE ? 'met' : 'missed'
  return `The target, a ratio of at most ${MAX_RELATIVE}, is ${status}: the highest is ${most.toFixed(2)}.`
}
