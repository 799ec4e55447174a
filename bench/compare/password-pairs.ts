/** Registration and login: each side with its own hash, both with the same hash, and both without one. */
import { setTimeout } from 'node:timers/promises'
import { sendExactly } from './load.ts'
import {
  atBoth,
  compareWith,
  inTurn,
  type LoadsOn,
  mapConcurrently,
  type Next,
  type Other,
  type Pair,
  post,
  range,
  type Sizes,
} from './pair.ts'
import { PASSWORD, type Seeds, signUpBody } from './seeds.ts'
import type { WorkerName } from './stage.ts'

/** Longer than workerd keeps an object that nothing calls. */
const EVICTION_MS = 12_000

/** An account at Gatehouse. */
interface Person {
  readonly name: string
  /** The number of the person's IP address. */
  readonly address: number
}

export async function passwordPairs(on: LoadsOn, seeds: Seeds, sizes: Sizes): Promise<readonly Pair[]> {
  const make = new PasswordPairs(on, seeds, sizes)
  return [
    ...(await make.derivation()),
    ...(await make.withHash('gatehouse', 'peer', 'peer, each with its own hash')),
    ...(await make.withHash('gatehouse', 'peer-pbkdf2', "peer, both with Gatehouse's hash")),
    ...(await make.withHash('gatehouse-scrypt', 'peer', "peer, both with the peer's hash")),
    ...(await make.withoutHash('gatehouse-without-hash', 'peer, both without a hash')),
    ...(await make.withoutHash('gatehouse-without-limits', 'peer, both without a hash and limits')),
    ...make.firstWrites(),
  ]
}

class PasswordPairs {
  readonly #on: LoadsOn
  readonly #seeds: Seeds
  readonly #sizes: Sizes

  constructor(on: LoadsOn, seeds: Seeds, sizes: Sizes) {
    this.#on = on
    this.#sizes = sizes
    this.#seeds = seeds
  }

  async derivation(): Promise<readonly Pair[]> {
    const login = this.#on('gatehouse', await this.#loggingIn('gatehouse', this.#sizes.connections))
    const derive = this.#on('floor', () => post('/derive', { password: PASSWORD }))
    const target = { atLeast: 1 / 1.1, concurrency: [1] }
    return compareWith('login', login, [
      { comparedWith: 'the derivation alone', theirs: derive, pace: 'slow', target },
    ])
  }

  async withHash(ours: WorkerName, theirs: WorkerName, comparedWith: string): Promise<readonly Pair[]> {
    const login = this.#on(ours, await this.#loggingIn(ours, this.#sizes.connections))
    const peer = { comparedWith, pace: 'slow' } as const
    return [
      this.#registration(ours, theirs, peer),
      ...compareWith('login', login, [
        { ...peer, theirs: this.#on(theirs, await this.#signingIn(theirs, this.#sizes.connections)) },
      ]),
    ]
  }

  async withoutHash(ours: WorkerName, comparedWith: string): Promise<readonly Pair[]> {
    const theirs = 'peer-without-hash'
    const { people, awake, connections } = this.#sizes
    const login = this.#on(ours, await this.#loggingIn(ours, awake))
    const first = this.#on(ours, await this.#loggingIn(ours, people))
    const peer = { comparedWith, target: atBoth(2) }
    const signingIn = { ...peer, theirs: this.#on(theirs, await this.#signingIn(theirs, people)) }
    const wake = () => sendExactly(awake, login, connections)
    return [
      this.#registration(ours, theirs, peer),
      ...compareWith('login, objects awake', login, [{ ...signingIn, prepare: wake }]),
      ...compareWith('login, first in a while', first, [
        { ...signingIn, pace: 'once', prepare: () => setTimeout(EVICTION_MS) },
      ]),
    ]
  }

  firstWrites(): readonly Pair[] {
    const create = () => post('/create-objects', { name: `new.${this.#seeds.next()}` })
    return compareWith('registration', this.#registering('gatehouse-without-hash'), [
      { comparedWith: 'first writes of two objects', theirs: this.#on('floor', create) },
    ])
  }

  #registration(ours: WorkerName, theirs: WorkerName, peer: Omit<Other, 'theirs'>): Pair {
    const signUp = () => post('/api/auth/sign-up/email', signUpBody(`new.${this.#seeds.next()}@example.com`))
    return {
      call: 'registration',
      ours: this.#registering(ours),
      ...peer,
      theirs: this.#on(theirs, signUp),
    }
  }

  /** Each registration comes from a new IP address. */
  #registering(worker: WorkerName) {
    const register = () => {
      const number = this.#seeds.next()
      return post('/auth/register', { username: `new.${number}`, password: PASSWORD }, number)
    }
    return this.#on(worker, register, 201)
  }

  /** The people take turns. Each logs in from an IP address that no other person has. */
  async #loggingIn(worker: WorkerName, people: number): Promise<Next> {
    const persons = await mapConcurrently(range(people), async (): Promise<Person> => {
      const address = this.#seeds.next()
      const name = `local.${address}`
      await this.#seeds.register(worker, name)
      return { name, address }
    })
    const nextPerson = inTurn(persons)
    return () => {
      const { name, address } = nextPerson()
      return post('/auth/login', { identifier: name, password: PASSWORD }, address)
    }
  }

  async #signingIn(worker: WorkerName, people: number): Promise<Next> {
    const emails = await mapConcurrently(range(people), async () => {
      const email = `local.${this.#seeds.next()}@example.com`
      await this.#seeds.signUp(worker, email)
      return email
    })
    const nextEmail = inTurn(emails)
    return () => post('/api/auth/sign-in/email', { email: nextEmail(), password: PASSWORD })
  }
}
