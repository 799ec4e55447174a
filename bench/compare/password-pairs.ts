/** Registration and login: each side with its own hash, both with the same hash, and both without one. */
import {
  atBoth,
  type LoadsOn,
  MAX_CONCURRENCY,
  mapConcurrently,
  type Next,
  type Pair,
  post,
  range,
  roundRobin,
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
    comparedWith: string,
    rest: Partial<Pair>,
    people = MAX_CONCURRENCY,
  ) => {
    const logins = on(ours, await loggingIn(seeds, ours, people))
    const peerLogins = on(theirs, await signingIn(seeds, theirs, people))
    pairs.push({
      call: 'registration',
      ours: registering(ours),
      theirs: signingUp(theirs),
      comparedWith,
      ...rest,
    })
    pairs.push({ call: 'login', ours: logins, theirs: peerLogins, comparedWith, ...rest })
  }
  const logins = on('gatehouse', await loggingIn(seeds, 'gatehouse', MAX_CONCURRENCY))
  const target = { atLeast: 1 / 1.1, concurrency: [1] }
  pairs.push({
    call: 'login',
    ours: logins,
    theirs: derive,
    comparedWith: 'the derivation alone',
    slow: true,
    target,
  })
  await compare('gatehouse', 'peer', 'peer, each with its own hash', { slow: true })
  await compare('gatehouse', 'peer-pbkdf2', "peer, both with Gatehouse's hash", { slow: true })
  await compare('gatehouse-scrypt', 'peer', "peer, both with the peer's hash", { slow: true })
  // Enough people that none gets more sessions than a person usually has.
  const without = (ours: WorkerName, comparedWith: string) =>
    compare(ours, 'peer-without-hash', comparedWith, { target: atBoth(2) }, people)
  await without('gatehouse-without-hash', 'peer, both without a hash')
  await without('gatehouse-without-limits', 'peer, both without a hash and limits')
  pairs.push({
    call: 'registration',
    ours: registering('gatehouse-without-hash'),
    theirs: on('floor', () => post('/create-objects', { name: `new.${seeds.next()}` })),
    comparedWith: 'first writes of two objects',
  })
  return pairs
}

/** Each connection cycles through its share of the people. */
async function loggingIn(seeds: Seeds, worker: WorkerName, people: number): Promise<Next> {
  const names = await mapConcurrently(range(people), async () => {
    const name = `local.${seeds.next()}`
    await seeds.register(worker, name)
    return name
  })
  const nextName = roundRobin(names)
  return (n) => post('/auth/login', { identifier: nextName(n), password: PASSWORD }, n)
}

async function signingIn(seeds: Seeds, worker: WorkerName, people: number): Promise<Next> {
  const emails = await mapConcurrently(range(people), async () => {
    const email = `local.${seeds.next()}@example.com`
    await seeds.signUp(worker, email)
    return email
  })
  const nextEmail = roundRobin(emails)
  return (n) => post('/api/auth/sign-in/email', { email: nextEmail(n), password: PASSWORD })
}

function registration(seeds: Seeds): string {
  const number = seeds.next()
  return post('/auth/register', { username: `new.${number}`, password: PASSWORD }, number)
}

function signUp(seeds: Seeds): string {
  return post('/api/auth/sign-up/email', signUpBody(`new.${seeds.next()}@example.com`))
}
