import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { replaceHash } from '../../src/accounts/account-store.ts'
import { hashPassword } from '../../src/passwords/pbkdf2.ts'
import {
  call,
  changePassword,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newPerson,
  ok,
  PASSWORD,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { disable, runCron } from '../support/database.ts'
import { staleReplica } from '../support/replica.ts'

describe('a log in that reads a replica which lags', () => {
  it('refuses the old password after a change', async () => {
    const { name, user, access_token } = await newPerson()
    const worker = workerWith({ DB: await staleReplica(user.id) })
    await ok(changePassword(access_token))
    expect(await refused(logIn(name, PASSWORD, worker))).toMatchObject({ code: 'invalid_credentials' })
  })

  it('takes the new password that the replica does not know yet', async () => {
    const { name, user, access_token } = await newPerson()
    const worker = workerWith({ DB: await staleReplica(user.id) })
    await ok(changePassword(access_token))
    const tokens = await ok<Tokens>(logIn(name, NEW_PASSWORD, worker))
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it('takes an account that the replica does not know yet', async () => {
    const { name } = await newPerson()
    await ok(logIn(name, PASSWORD, workerWith({ DB: await staleReplica(null) })))
  })

  it('refuses an account that was disabled since, once its object was told', async () => {
    const { name, user } = await newPerson()
    const worker = workerWith({ DB: await staleReplica(user.id) })
    await disable(user.id)
    await runCron()
    expect(await refused(logIn(name, PASSWORD, worker))).toMatchObject({ code: 'account_disabled' })
  })

  it('refuses an account that was deleted since', async () => {
    const { name, user, access_token } = await newPerson()
    const worker = workerWith({ DB: await staleReplica(user.id) })
    const body = { current_password: PASSWORD }
    await ok(call('DELETE', '/auth/me', { bearer: access_token, body }), 204)
    expect(await refused(logIn(name, PASSWORD, worker))).toMatchObject({ code: 'invalid_credentials' })
  })
})

describe('a late rehash', () => {
  it('undoes no change that came before it', async () => {
    const { name, user, access_token } = await newPerson()
    const hashOf = env.DB.prepare('SELECT password_hash AS h FROM accounts WHERE id = ?1').bind(user.id)
    const verified = (await hashOf.first<string>('h')) ?? ''
    await ok(changePassword(access_token))
    const { meta } = await replaceHash(env.DB, user.id, verified, await hashPassword(PASSWORD, null)).run()
    expect(meta.changes).toBe(0)
    await ok(logIn(name, NEW_PASSWORD))
  })
})
