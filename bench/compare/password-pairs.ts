/** Registering and logging in, with the hashes of either side, with the same, and with none. */
import {
  atBoth,
  inLanes,
  type LoadsOn,
  MAX_CONCURRENCY,
  type Next,
  numbers,
  type Pair,
  post,
  turns,
} from './pair.ts'
import { PASSWORD, type Seeds, signUpBody } from './seeds.ts'
import type { WorkerName } from './stage.ts'

export async function passwordPairs(on: LoadsOn, seeds: Seeds, people: number): Promise<readonly Pair[]> {
  const pairs: Pair[] = []
  const derive = on('floor', () => post('/derive', { password: PASSWORD }))
  const registering = (worker: WorkerName) => on(worker, () => registration(seeds), 201)
  const signingUp = (worker: WorkerName) => on(worker, () => signUp(seeds))
  const compare = async (
    ours: WorkerName,
    theirs: WorkerName,
    beside: string,
    rest: Partial<Pair>,
    people = MAX_CONCURRENCY,
  ) => {
    const logIns = on(ours, await loggingIn(seeds, ours, people))
    const signIns = on(theirs, await signingIn(seeds, theirs, people))
    pairs.push({ call: 'register', ours: registering(ours), theirs: signingUp(theirs), beside, ...rest })
    pairs.push({ call: 'log in', ours: logIns, theirs: signIns, beside, ...rest })
  }
  const logIns = on('gatehouse', await loggingIn(seeds, 'gatehouse', MAX_CONCURRENCY))
  const target = { atLeast: 1 / 1.1, concurrency: [1] }
  pairs.push({
    call: 'log in',
    ours: logIns,
    theirs: derive,
    beside: 'the derivation alone',
    slow: true,
    target,
  })
  await compare('gatehouse', 'peer', 'peer, each with its own hash', { slow: true })
  await compare('gatehouse', 'peer-pbkdf2', "peer, both with Gatehouse's hash", { slow: true })
  await compare('gatehouse-scrypt', 'peer', "peer, both with the peer's hash", { slow: true })
  // So many that none comes to have more sessions than people have.
  const without = (ours: WorkerName, beside: string) =>
    compare(ours, 'peer-without-hash', beside, { target: atBoth(2) }, people)
  await without('gatehouse-without-hash', 'peer, both without a hash')
  await without('gatehouse-without-limits', 'peer, both without a hash and limits')
  pairs.push({
    call: 'register',
    ours: registering('gatehouse-without-hash'),
    theirs: on('floor', () => post('/found', { name: `new.${seeds.next()}` })),
    beside: 'first writes of two objects',
  })
  return pairs
}

/** Each connection takes one of so many people after the other. */
async function loggingIn(seeds: Seeds, worker: WorkerName, people: number): Promise<Next> {
  const names = await inLanes(numbers(people), async () => {
    const name = `local.${seeds.next()}`
    await seeds.register(worker, name)
    return name
  })
  const turn = turns(names)
  return (n) => post('/auth/login', { identifier: turn(n), password: PASSWORD }, n)
}

async function signingIn(seeds: Seeds, worker: WorkerName, people: number): Promise<Next> {
  const emails = await inLanes(numbers(people), async () => {
    const email = `local.${seeds.next()}@example.com`
    await seeds.signUp(worker, email)
    return email
  })
  const turn = turns(emails)
  return (n) => post('/api/auth/sign-in/email', { email: turn(n), password: PASSWORD })
}

function registration(seeds: Seeds): string {
  const number = seeds.next()
  return post('/auth/register', { username: `new.${number}`, password: PASSWORD }, number)
}

function signUp(seeds: Seeds): string {
  return post('/api/auth/sign-up/email', signUpBody(`new.${seeds.next()}@example.com`))
}
