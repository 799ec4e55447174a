import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Account, IdentifierKind } from '../../src/accounts/account.ts'
import { AccountRepository } from '../../src/accounts/account-repository.ts'
import { type Identifier, parseNewIdentifier } from '../../src/accounts/identifier.ts'
import { newId } from '../../src/crypto/ids.ts'
import { UnconfirmedWriteError } from '../../src/errors/service-error.ts'
import { accountStateEvent } from '../../src/outbox/outbox-store.ts'
import { newName } from '../support/client.ts'
import { type Fault, watch } from '../support/counting.ts'
import { change, pendingChanges } from '../support/database.ts'
import { controlDeadlines, deadlineIsNow } from '../support/faults.ts'
import { intercept } from '../support/intercept.ts'

const repository = new AccountRepository(env.DB)

function newAccount(changes: Partial<Account> = {}): Account {
  const nowMs = Date.now()
  const id = newId(nowMs)
  const username = newName()
  return {
    id,
    username,
    usernameKey: username,
    email: `${username}@example.com`,
    emailVerified: true,
    phone: null,
    phoneVerified: false,
    name: 'Ada Lovelace',
    picture: 'https://example.com/ada.png',
    locale: 'en-GB',
    zoneinfo: null,
    passwordHash: null,
    disabled: false,
    roles: ['editor'],
    scopes: ['read'],
    claims: { team: [1, { a: null }] },
    credentialVersion: nowMs,
    sessionsNotBefore: nowMs,
    survivingSession: null,
    changeId: crypto.randomUUID(),
    createdAt: Math.floor(nowMs / 1000),
    updatedAt: Math.floor(nowMs / 1000),
    ...changes,
  }
}

async function stored(changes: Partial<Account> = {}): Promise<Account> {
  const account = newAccount(changes)
  expect(await repository.insert(account)).toBe('inserted')
  return account
}

/** The account after a change. */
const changed = (account: Account, changes: Partial<Account> = {}): Account => ({
  ...account,
  credentialVersion: account.credentialVersion + 1,
  changeId: crypto.randomUUID(),
  ...changes,
})

const read = async (account: Account) => (await repository.find(account.id, 'primary')).account
const event = ({ id }: Account) => accountStateEvent(id, 1, Date.now())

/** A repository whose writes have a fault, and which may not be able to read either. */
function faulty(fault: Fault, unreadable = false): AccountRepository {
  const watched = watch()
  watched.fail('batch', fault)
  if (unreadable) watched.fail('run', { before: true })
  return new AccountRepository(watched.bindings.DB)
}

function batchReplacedBy(work: () => Promise<unknown>): AccountRepository {
  return new AccountRepository(intercept(({ name }, happen) => (name === 'batch' ? work() : happen())).DB)
}

const WRITES = {
  insert: {
    prepare: async () => newAccount(),
    write: (in_: AccountRepository, account: Account) => in_.insert(account, [event(account)]),
    done: 'inserted',
  },
  replace: {
    prepare: () => stored(),
    write: (in_: AccountRepository, account: Account) =>
      in_.replace(account, changed(account, { roles: ['changed'] }), [event(account)]),
    done: 'replaced',
  },
  remove: {
    prepare: () => stored(),
    write: (in_: AccountRepository, account: Account) => in_.remove(account, [event(account)]),
    done: 'removed',
  },
} as const
const NAMES = Object.keys(WRITES) as (keyof typeof WRITES)[]

afterEach(() => vi.restoreAllMocks())

describe('the account repository', () => {
  it('stores every member of an account, and finds it by id and by each identifier', async () => {
    const survivingSession = { id: newId(0), familyId: newId(0), secretHash: new Uint8Array([1, 2, 3]) }
    const account = await stored({ disabled: true, survivingSession, passwordHash: '$a-hash' })
    expect(await repository.find(account.id, 'replica')).toEqual({ account, fromPrimary: true })
    for (const text of [account.username, account.email]) {
      const identifier = parseNewIdentifier(text ?? '', undefined) as Identifier
      expect((await repository.find(identifier, 'primary')).account).toEqual(account)
    }
    const to = changed(account, { phone: '+4915112345678', phoneVerified: true, survivingSession: null })
    expect(await repository.replace(account, to)).toBe('replaced')
    expect(await read(account)).toEqual(to)
    expect(await repository.remove(to)).toBe('removed')
    expect(await read(account)).toBeNull()
  })

  it('finds of many ids the accounts that exist', async () => {
    const accounts = [await stored(), await stored()]
    const found = await repository.findAll([newId(0), ...accounts.map(({ id }) => id)])
    expect(new Set(found)).toEqual(new Set(accounts))
    expect(await repository.findAll([])).toEqual([])
  })

  it.each(NAMES)('takes the statements of other stores into the change with %s', async (name) => {
    const account = await WRITES[name].prepare()
    expect(await WRITES[name].write(repository, account)).toBe(WRITES[name].done)
    expect(await pendingChanges(account.id)).toBe(1)
  })

  it.each([
    ['username', 'usernameKey', newName()],
    ['email', 'email', `${newName()}@example.com`],
    ['phone', 'phone', '+4915112345600'],
  ] as const)('reports a taken %s, and takes no statement of another store', async (taken, column, value) => {
    await stored({ [column]: value })
    const second = newAccount({ [column]: value })
    expect(await repository.insert(second, [event(second)])).toEqual({ taken })
    expect(await read(second)).toBeNull()
    const third = await stored()
    const to = changed(third, { [column]: value })
    expect(await repository.replace(third, to, [event(third)])).toEqual({ taken })
    expect(await read(third)).toEqual(third)
    expect([await pendingChanges(second.id), await pendingChanges(third.id)]).toEqual([0, 0])
  })

  it('reports the first taken identifier in the order of their kinds', async () => {
    const first = await stored({ phone: '+4915112345601' })
    const insert = (of: Partial<Account>) => repository.insert(newAccount(of))
    const { email, phone, usernameKey } = first
    const kinds: readonly IdentifierKind[] = ['username', 'email', 'phone']
    const taken = await Promise.all([
      insert({ usernameKey, email, phone }),
      insert({ email, phone }),
      insert({ phone }),
    ])
    expect(taken).toEqual(kinds.map((kind) => ({ taken: kind })))
  })

  it.each(['replace', 'remove'] as const)(
    'reports a conflict with a change since the read, and takes no statement of another store: %s',
    async (name) => {
      const account = await stored()
      await change(account.id, 'disabled = 1', [])
      expect(await WRITES[name].write(repository, account)).toBe('conflict')
      expect((await read(account))?.disabled).toBe(true)
      expect(await pendingChanges(account.id)).toBe(1)
    },
  )

  it('reports a conflict of a deletion with a change by SQL that set no new version, and takes no statement', async () => {
    const account = await stored()
    await env.DB.prepare("UPDATE accounts SET change_id = 'x' WHERE id = ?1").bind(account.id).run()
    expect(await repository.remove(account, [event(account)])).toBe('conflict')
    expect(await pendingChanges(account.id)).toBe(0)
  })

  it('lets exactly one of many concurrent changes and deletions succeed, with its statements alone', async () => {
    const account = await stored()
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        index % 3 === 0
          ? repository.remove(account, [event(account)])
          : repository.replace(account, changed(account), [event(account)]),
      ),
    )
    expect(results.filter((result) => result !== 'conflict')).toHaveLength(1)
    expect(await pendingChanges(account.id)).toBe(1)
  })
})

describe('a write of an account whose result is lost', () => {
  it.each(NAMES)('reads back that it was applied: %s', async (name) => {
    const account = await WRITES[name].prepare()
    expect(await WRITES[name].write(faulty({ after: true }), account)).toBe(WRITES[name].done)
    expect(await pendingChanges(account.id)).toBe(1)
  })

  it.each(NAMES)('reads back that it was not applied, and is unavailable: %s', async (name) => {
    const account = await WRITES[name].prepare()
    const error = await WRITES[name].write(faulty({ before: true }), account).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'unavailable', cause: { message: 'batch: unavailable' } })
    expect(error).not.toBeInstanceOf(UnconfirmedWriteError)
    expect(await pendingChanges(account.id)).toBe(0)
  })

  it.each(NAMES)('is unconfirmed if the row cannot be read either: %s', async (name) => {
    const account = await WRITES[name].prepare()
    const writing = WRITES[name].write(faulty({ after: true }, true), account)
    await expect(writing).rejects.toThrow(UnconfirmedWriteError)
  })

  it.each(NAMES)(
    'is unconfirmed after a missed deadline, because it may still be applied: %s',
    async (name) => {
      controlDeadlines()
      const account = await WRITES[name].prepare()
      const late = batchReplacedBy(() => {
        deadlineIsNow()
        return new Promise(() => undefined)
      })
      await expect(WRITES[name].write(late, account)).rejects.toThrow(UnconfirmedWriteError)
    },
  )

  it('is unconfirmed if a later change has overwritten the row', async () => {
    const account = await stored()
    const overwritten = batchReplacedBy(async () => {
      await repository.replace(account, changed(account))
      throw new Error('result lost')
    })
    const writing = overwritten.replace(account, changed(account))
    await expect(writing).rejects.toThrow(UnconfirmedWriteError)
  })
})

describe('a rehash', () => {
  it('replaces the hash that was read', async () => {
    const account = await stored({ passwordHash: '$old' })
    await repository.rehash(account, '$new')
    expect((await read(account))?.passwordHash).toBe('$new')
  })

  it.each([
    ['a changed hash', '$changed'],
    ['an account whose password was removed', null],
  ])('keeps %s', async (_what, passwordHash) => {
    const account = await stored({ passwordHash: '$old' })
    await repository.replace(account, changed(account, { passwordHash }))
    await repository.rehash(account, '$new')
    expect((await read(account))?.passwordHash).toBe(passwordHash)
  })

  it('gives no password to an account without one', async () => {
    const account = await stored()
    await repository.rehash(account, '$new')
    expect((await read(account))?.passwordHash).toBeNull()
  })
})
