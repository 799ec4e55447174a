/** Login: which round trip follows which, and what each failure leaves behind. */
import { describe, expect, it } from 'vitest'
import type { Account } from '../../../src/accounts/account.ts'
import { logIn } from '../../../src/actions/login/log-in.ts'
import type { RequestContext } from '../../../src/actions/request-context.ts'
import { randomBytes, utf8 } from '../../../src/crypto/bytes.ts'
import { derive, hashPassword } from '../../../src/passwords/pbkdf2.ts'
import { formatPhc } from '../../../src/passwords/phc.ts'
import { toState } from '../../../src/sessions/session.ts'
import { solveNext } from '../../support/attempts.ts'
import { newName, PASSWORD } from '../../support/client.ts'
import { change } from '../../support/database.ts'
import { lines } from '../../support/log.ts'
import { LaggingReplica } from '../../support/replica.ts'
import { WRONG } from '../../support/requester.ts'
import {
  type Deployment,
  deploy,
  derivationsOf,
  refusalOf,
  setUpUseCases,
  storeAccount,
  storedAccount,
  unavailable,
} from '../../support/use-case.ts'

setUpUseCases()

const NEW = 'a quite different passphrase'
const COUNTED = ['settle@identifier counted', 'settle@address counted']
const CLEARED = ['settle@identifier cleared', 'settle@address cleared']
const RESERVED_BESIDE_READ = ['reserve@address', 'find/replica', 'reserve@identifier']

const attempt = (ctx: RequestContext, identifier: string | null, password = PASSWORD, challenge?: string) =>
  logIn(ctx, { identifier: identifier ?? '', password, challenge, scope: null, transport: 'body' })

const sessionsOf = (deployment: Deployment, { id }: Account) =>
  deployment.objectOf(id).list({ sessionsNotBeforeMs: 0 })

/** Publishes the account to its object, as earlier sessions do. */
const publish = (deployment: Deployment, account: Account) =>
  deployment.objectOf(account.id).applyState({
    state: toState(account),
    policy: deployment.services.config.sessions,
  })

describe('the round trips of a login', () => {
  it('reserves, reads the account beside the reservation at its identifier, opens the session, then settles', async () => {
    const deployment = await deploy()
    const { username } = await storeAccount()
    const { ctx, fields } = deployment.request()
    const trips = await deployment.tripsOf(() => attempt(ctx, username))
    expect(trips).toEqual([...RESERVED_BESIDE_READ, 'open', ...CLEARED])
    expect(fields()).toMatchObject({
      accountId: expect.any(String),
      sessionId: expect.any(String),
      addressDigest: expect.any(String),
      identifierDigest: expect.any(String),
    })
  })

  it('needs neither the read of the account for the reservation at the identifier, nor the reverse', async () => {
    const deployment = await deploy()
    const { username } = await storeAccount()
    const [reading, reserving] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    deployment.before('find/replica', () => {
      reading.resolve()
      return reserving.promise
    })
    deployment.before('reserve@identifier', () => {
      reserving.resolve()
      return reading.promise
    })
    expect((await attempt(deployment.request().ctx, username)).profile.username).toBe(username)
  })

  it('reads the account only after the whole reservation if the address asks for a challenge', async () => {
    const deployment = await deploy({ LIMITS: { login_failures_per_ip: { threshold: 0 } } })
    const { username } = await storeAccount()
    const { ctx } = deployment.request()
    expect(await deployment.tripsOf(() => attempt(ctx, username))).toEqual(['reserve@address'])
    const solution = await solveNext(ctx)
    const trips = await deployment.tripsOf(() => attempt(ctx, username, PASSWORD, solution))
    expect(trips.slice(0, 4)).toEqual([
      'reserve@address',
      'reserve@address solved nonce',
      'reserve@identifier solved',
      'find/replica',
    ])
  })

  it.each([
    ['an unknown identifier', async () => newName()],
    ['an account without a password', async () => (await storeAccount({ passwordHash: null })).username],
    ['text that no account can have as an identifier', async () => '@'],
    ['an incorrect password', async () => (await storeAccount()).username],
  ])('derives one password and counts a failure for %s', async (_what, make) => {
    const deployment = await deploy()
    const identifier = await make()
    const { ctx } = deployment.request()
    const login = () => refusalOf(attempt(ctx, identifier, WRONG))
    expect(await derivationsOf(login)).toBe(1)
    expect(deployment.trips.slice(-2)).toEqual(COUNTED)
    expect(await login()).toMatchObject({ code: 'invalid_credentials', members: {} })
  })

  it('settles an incorrect password and a correct one of a disabled account before it refuses them', async () => {
    const deployment = await deploy()
    const [enabled, disabled] = [await storeAccount(), await storeAccount({ disabled: true })]
    const released = ['settle@identifier released', 'settle@address released']
    for (const [{ username }, password, settled] of [
      [enabled, WRONG, COUNTED],
      [disabled, WRONG, COUNTED],
      [disabled, PASSWORD, released],
    ] as const) {
      const { ctx } = deployment.request()
      const trips = await deployment.tripsOf(() => attempt(ctx, username, password))
      expect(trips).toEqual([...RESERVED_BESIDE_READ, ...settled])
    }
  })
})

describe('a login that reads a stale replica', () => {
  /** A deployment whose replica stays as it is now. */
  const deployBesideStaleReplica = async () => deploy({}, (await LaggingReplica.copy()).db)

  it('opens the session with the state of the replica, if the object accepts it', async () => {
    const account = await storeAccount()
    const deployment = await deployBesideStaleReplica()
    await publish(deployment, account)
    const trips = await deployment.tripsOf(() => attempt(deployment.request().ctx, account.username))
    expect(trips).toEqual([...RESERVED_BESIDE_READ, 'open', ...CLEARED])
  })

  it.each([
    ['a missing account', PASSWORD, () => storeAccount(), true],
    ['an incorrect password', NEW, () => storeAccount(), false],
  ])('reads the primary before it refuses %s', async (_what, password, make, afterCopy) => {
    const before = afterCopy ? null : await make()
    const deployment = await deployBesideStaleReplica()
    const account = before ?? (await make())
    const hash = await hashPassword(password, null)
    await change(account.id, 'password_hash = ?2', [hash])
    const trips = await deployment.tripsOf(() =>
      attempt(deployment.request().ctx, account.username, password),
    )
    expect(trips).toEqual([...RESERVED_BESIDE_READ, 'find/primary', 'open', ...CLEARED])
  })

  it('reads the primary before it refuses a disabled account, and derives no second time', async () => {
    const account = await storeAccount({ disabled: true })
    const deployment = await deployBesideStaleReplica()
    await change(account.id, 'disabled = 0', [])
    const login = () => attempt(deployment.request().ctx, account.username)
    expect(await derivationsOf(login)).toBe(1)
    expect(deployment.trips).toEqual([...RESERVED_BESIDE_READ, 'find/primary', 'open', ...CLEARED])
  })

  it('reads the primary and opens again, without a second derivation, if the object knows a newer state', async () => {
    const account = await storeAccount()
    const deployment = await deployBesideStaleReplica()
    await change(account.id, 'roles = \'["staff"]\'', [])
    await publish(deployment, (await storedAccount(account)) ?? account)
    const login = async () => {
      expect((await attempt(deployment.request().ctx, account.username)).profile.roles).toEqual(['staff'])
    }
    expect(await derivationsOf(login)).toBe(1)
    expect(deployment.trips).toEqual([...RESERVED_BESIDE_READ, 'open', 'find/primary', 'open', ...CLEARED])
  })

  it('refuses the old password if the object knows a newer state, and counts the failure', async () => {
    const account = await storeAccount()
    const deployment = await deployBesideStaleReplica()
    await change(account.id, 'password_hash = ?2', [await hashPassword(NEW, null)])
    await publish(deployment, (await storedAccount(account)) ?? account)
    const error = await refusalOf(attempt(deployment.request().ctx, account.username))
    expect(error).toMatchObject({ code: 'invalid_credentials' })
    expect(deployment.trips).toEqual([...RESERVED_BESIDE_READ, 'open', 'find/primary', ...COUNTED])
    expect(await sessionsOf(deployment, account)).toEqual([])
  })
})

describe('a login whose dependency fails', () => {
  it.each([
    ['at the identifier', 'settle@identifier'],
    ['at the address', 'settle@address'],
  ])(
    'withholds the tokens and ends the session if the attempt cannot be settled %s',
    async (_where, trip) => {
      const deployment = await deploy()
      const account = await storeAccount()
      const { ctx, finish } = deployment.request()
      deployment.before(`${trip} cleared`, unavailable)
      expect(await refusalOf(attempt(ctx, account.username))).toMatchObject({
        code: 'unavailable',
        members: {},
      })
      await finish()
      expect(deployment.trips).toContain('end')
      expect(await sessionsOf(deployment, account)).toEqual([])
    },
  )

  it('ends the session if the result of opening it is lost, and counts nothing', async () => {
    const deployment = await deploy()
    const account = await storeAccount()
    const { ctx, finish } = deployment.request()
    deployment.after('open', unavailable)
    expect(await refusalOf(attempt(ctx, account.username))).toMatchObject({ code: 'unavailable' })
    await finish()
    expect(deployment.trips.slice(3).toSorted()).toEqual([
      'end',
      'open',
      'settle@address released',
      'settle@identifier released',
    ])
    expect(await sessionsOf(deployment, account)).toEqual([])
  })

  it('counts and clears nothing if the account cannot be read', async () => {
    const deployment = await deploy()
    const { username } = await storeAccount()
    deployment.before('find', unavailable)
    const trips = await deployment.tripsOf(() => attempt(deployment.request().ctx, username))
    expect(trips).toEqual([...RESERVED_BESIDE_READ, 'settle@address released', 'settle@identifier released'])
  })
})

describe('a login with a hash of older parameters', () => {
  /** The hash of PASSWORD with five rounds in place of six. */
  const weaker = async () => {
    const parameters = { iterations: 100_000, rounds: 5, pepperId: null, salt: randomBytes(16) }
    let hash = utf8(PASSWORD)
    for (let round = 1; round <= parameters.rounds; round++) {
      hash = await derive(hash, parameters.salt, parameters.iterations)
    }
    return formatPhc({ ...parameters, hash })
  }

  it('hashes the password again without delaying the response', async () => {
    const deployment = await deploy()
    const passwordHash = await weaker()
    const account = await storeAccount({ passwordHash })
    const { ctx, finish } = deployment.request()
    const responded = Promise.withResolvers<void>()
    deployment.before('rehash', () => responded.promise)
    await attempt(ctx, account.username)
    responded.resolve()
    await finish()
    expect((await storedAccount(account))?.passwordHash).toContain('$i=100000,r=6$')
    await attempt(deployment.request().ctx, account.username)
  })

  it('logs that the password could not be hashed again, and keeps the login', async () => {
    const deployment = await deploy()
    const account = await storeAccount({ passwordHash: await weaker() })
    const { ctx, finish } = deployment.request()
    deployment.before('rehash', unavailable)
    await attempt(ctx, account.username)
    await finish()
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      level: 'warn',
      event: 'rehash_failed',
      account_id: account.id,
    })
  })

  it('does not hash again a password that is refused', async () => {
    const deployment = await deploy()
    const account = await storeAccount({ passwordHash: await weaker() })
    const { ctx, finish } = deployment.request()
    await refusalOf(attempt(ctx, account.username, WRONG))
    await finish()
    expect(deployment.trips).not.toContain('rehash')
  })
})
