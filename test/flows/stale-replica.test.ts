import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/passwords/pbkdf2.ts'
import {
  call,
  changePassword,
  type Fetch,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  register,
  workerWith,
} from '../support/client.ts'
import { restorePoint } from '../support/database.ts'
import { LaggingReplica } from '../support/replica.ts'
import type { Tokens, User } from '../support/responses.ts'

const ADMIN_TOKEN = String(env.ADMIN_TOKEN)
const INVALID = { status: 401, code: 'invalid_credentials' }
const DISABLED = { status: 403, code: 'account_disabled' }

type Person = Tokens & { readonly name: string }

let person: Person
let replica: LaggingReplica
let fetch: Fetch

/** The replica has the person, and none of the later writes. */
beforeEach(async () => {
  person = await newPerson()
  replica = await LaggingReplica.copy()
  fetch = workerWith({ DB: replica.db })
})

const manage = (body: object, id = person.user.id) =>
  ok<User>(call('PATCH', `/admin/users/${id}`, { bearer: ADMIN_TOKEN, body }, fetch))
const deleteAccount = () =>
  ok(
    call('DELETE', '/auth/me', { bearer: person.access_token, body: { current_password: PASSWORD } }, fetch),
    204,
  )
const open = (name: string, password = PASSWORD) => ok<Tokens>(logIn(name, password, fetch))

describe('the lagging replica of the tests', () => {
  it('returns the state before the writes that it lags behind', async () => {
    const roles = async () => {
      const nearest = replica.db.withSession('first-unconstrained')
      const statement = nearest.prepare('SELECT roles FROM accounts WHERE id = ?1').bind(person.user.id)
      const { results, meta } = await statement.run()
      return [results[0]?.roles, meta.served_by_primary]
    }
    await manage({ roles: ['first'] })
    await manage({ roles: ['second'] })
    expect(await roles()).toEqual(['[]', false])
    // A change is two writes: the batch, and the deletion of the outbox row.
    await replica.lag(2)
    expect(await roles()).toEqual(['["first"]', false])
    await replica.lag(0)
    expect(await roles()).toEqual(['["second"]', false])
  })
})

describe('a login that reads a lagging replica', () => {
  it('rejects the old password after a change that the replica lacks', async () => {
    await ok(changePassword(person.access_token, {}, fetch))
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(INVALID)
  })

  it('accepts a new password that the replica lacks', async () => {
    await ok(changePassword(person.access_token, {}, fetch))
    const { access_token } = await open(person.name, NEW_PASSWORD)
    expect(await isAlive(access_token)).toBe(true)
  })

  it('accepts an account that the replica lacks', async () => {
    const { name } = await newPerson(fetch)
    await open(name)
  })

  it('rejects an account that is disabled on the primary only', async () => {
    await manage({ disabled: true })
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(DISABLED)
  })

  it('accepts an account that is enabled on the primary only', async () => {
    await manage({ disabled: true })
    await replica.lag(0)
    await replica.lag(Number.POSITIVE_INFINITY)
    await manage({ disabled: false })
    await open(person.name)
  })

  it('rejects an account that is deleted on the primary only', async () => {
    await deleteAccount()
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(INVALID)
  })

  it('logs in to the new account with the username of a deleted one, with its own password alone', async () => {
    await deleteAccount()
    const other = await ok<Tokens>(register({ username: person.name }, NEW_PASSWORD, fetch), 201)
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(INVALID)
    expect((await open(person.name, NEW_PASSWORD)).user.id).toBe(other.user.id)
  })

  it('logs in to the new account with the username of a deleted one, even if both have the same password', async () => {
    await deleteAccount()
    const other = await ok<Tokens>(register({ username: person.name }, PASSWORD, fetch), 201)
    expect((await open(person.name)).user.id).toBe(other.user.id)
  })

  it('issues tokens with the roles and scopes of the primary, not those of the replica', async () => {
    await manage({ roles: ['editor'], scopes: ['write'] })
    await replica.lag(0)
    await replica.lag(Number.POSITIVE_INFINITY)
    await manage({ roles: ['reader'], scopes: [] })
    const { access_token, refresh_token, user, scope } = await open(person.name)
    expect([user.roles, scope]).toEqual([['reader'], ''])
    const me = await ok<User>(call('GET', '/auth/me', { bearer: access_token }, fetch))
    expect(me.roles).toEqual(['reader'])
    expect((await ok<Tokens>(refresh(refresh_token, fetch))).user.roles).toEqual(['reader'])
  })

  it('finds an account by its new username on the primary, and no longer by the former one', async () => {
    const renamed = newName()
    const body = { username: renamed, current_password: PASSWORD }
    await ok(call('PATCH', '/auth/me', { bearer: person.access_token, body }, fetch))
    await open(renamed)
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(INVALID)
  })

  it('accepts an account that was inserted into the database directly', async () => {
    const [id, name] = [crypto.randomUUID(), newName()]
    const row = `INSERT INTO accounts (id, username, username_key, password_hash, credential_version, sessions_not_before,
      change_id, created_at, updated_at) VALUES (?1, ?2, ?2, ?3, 1, 1, ?1, 1, 1)`
    await replica.db
      .prepare(row)
      .bind(id, name, await hashPassword(PASSWORD, null))
      .run()
    expect((await open(name)).user.id).toBe(id)
    await replica.lag(0)
    expect((await open(name)).user.id).toBe(id)
  })
})

describe('a database that was restored to an earlier state', () => {
  it('accepts only the password of the restored state, and then changes of it', async () => {
    const restore = await restorePoint()
    const changed = await ok<Tokens>(changePassword(person.access_token, {}, fetch))
    await restore()
    expect(await refused(logIn(person.name, NEW_PASSWORD, fetch))).toMatchObject(INVALID)
    const { access_token } = await open(person.name)
    const again = { current_password: PASSWORD, new_password: `${NEW_PASSWORD} once more` }
    await ok(changePassword(access_token, again, fetch))
    expect(await refused(logIn(person.name, PASSWORD, fetch))).toMatchObject(INVALID)
    expect(await isAlive(changed.access_token)).toBe(false)
  })

  it('restores a deleted account without its sessions', async () => {
    const restore = await restorePoint()
    await deleteAccount()
    await restore()
    expect(await isAlive(person.access_token)).toBe(false)
    const { access_token } = await open(person.name)
    expect(await isAlive(access_token)).toBe(true)
  })

  it('keeps the sessions of accounts that a restore removed until an operator ends all sessions', async () => {
    const restore = await restorePoint()
    const later = await newPerson(fetch)
    await restore()
    expect(await refused(logIn(later.name, PASSWORD, fetch))).toMatchObject(INVALID)
    expect(await isAlive(later.access_token)).toBe(true)
    await ok(call('DELETE', '/admin/sessions', { bearer: ADMIN_TOKEN }, fetch), 204)
    for (const { refresh_token } of [later, person]) {
      expect(await refused(refresh(refresh_token, fetch))).toMatchObject({ code: 'invalid_refresh_token' })
    }
    await open(person.name)
  })

  it('applies changes after a restore though the account object has higher versions', async () => {
    await manage({ roles: ['editor'] })
    const restore = await restorePoint()
    await manage({ roles: [] })
    await restore()
    expect((await manage({ scopes: ['read'] })).roles).toEqual(['editor'])
    const { user, refresh_token } = await ok<Tokens>(refresh(person.refresh_token, fetch))
    expect([user.roles, user.scopes]).toEqual([['editor'], ['read']])
    await manage({ disabled: true })
    expect(await refused(refresh(refresh_token, fetch))).toMatchObject({ code: 'invalid_refresh_token' })
  })
})
