import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
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
  type Tokens,
  type User,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable, runCron, untold } from '../support/database.ts'

afterEach(thaw)

const patch = (bearer: string, body: object, fetch: Fetch = worker) =>
  call('PATCH', '/auth/me', { bearer, body: { current_password: PASSWORD, ...body } }, fetch)

const leave = (bearer: string, current_password = PASSWORD, fetch: Fetch = worker) =>
  call('DELETE', '/auth/me', { bearer, body: { current_password } }, fetch)

describe('PATCH /auth/me', () => {
  it('sets, changes and clears identifiers, in force at once everywhere', async () => {
    const { access_token, refresh_token, name, user: before } = await newPerson()
    const email = `${newName()}@example.com`
    const changed = patch(access_token, { email: email.toUpperCase(), username: null }, workerWith({}))
    const user = await ok<User>(changed)
    expect(user).toMatchObject({ username: null, email, email_verified: false })
    expect(await ok<User>(call('GET', '/auth/me', { bearer: access_token }))).toEqual(user)
    expect((await ok<Tokens>(refresh(refresh_token))).user).toEqual(user)
    expect((await ok<Tokens>(logIn(email))).user).toEqual(user)
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    expect(await untold(before.id)).toBe(0)
  })

  it('frees the identifier that is given up', async () => {
    const { access_token, name } = await newPerson()
    await ok(patch(access_token, { username: newName() }))
    await ok(register({ username: name }), 201)
  })

  it("takes one's own value, in another case too", async () => {
    const { access_token, user, name } = await newPerson()
    expect(await ok<User>(patch(access_token, { username: name }))).toEqual(user)
    const respelled = await ok<User>(patch(access_token, { username: name.toUpperCase() }))
    expect(respelled.username).toBe(name.toUpperCase())
  })

  it("takes one's own reserved username, in another case too, and no other one", async () => {
    const { access_token, name } = await newPerson()
    await env.DB.prepare("UPDATE accounts SET username = 'help', username_key = 'help' WHERE username = ?1")
      .bind(name)
      .run()
    // A change of another field tells the account's object.
    await ok(patch(access_token, { email: `${name}@example.com` }))
    expect((await ok<User>(patch(access_token, { username: 'help' }))).username).toBe('help')
    expect((await ok<User>(patch(access_token, { username: ' HELP' }))).username).toBe('HELP')
    expect(await refused(patch(access_token, { username: 'system' }))).toMatchObject({ status: 422 })
    const { errors } = await refused(patch(access_token, { username: 'help', current_password: '' }))
    expect(errors?.map(({ field }) => field)).toEqual(['current_password'])
  })

  it('trims invisible characters, and takes a number in any digits', async () => {
    const { access_token } = await newPerson()
    const username = newName()
    const changes = {
      username: `\u202a${username} `,
      email: `\ufeff${username}@example.com\u00a0`,
      phone: '\uff0b1 202 555\u20110155 ',
    }
    expect(await ok<User>(patch(access_token, changes))).toMatchObject({
      username,
      email: `${username}@example.com`,
      phone: '+12025550155',
    })
  })

  it('makes a changed address unverified, and leaves the others as they are', async () => {
    const name = newName()
    const identifiers = { email: `${name}@example.com`, phone: '+12015550142' }
    const { access_token, user } = await ok<Tokens>(register(identifiers), 201)
    const verify = 'UPDATE accounts SET email_verified = 1, phone_verified = 1 WHERE id = ?1'
    await env.DB.prepare(verify).bind(user.id).run()
    const changed = await ok<User>(patch(access_token, { email: `x${name}@example.com` }))
    expect(changed).toMatchObject({ email_verified: false, phone_verified: true })
  })

  it('keeps all sessions', async () => {
    const { access_token, name } = await newPerson()
    const other = await ok<Tokens>(logIn(name))
    await ok(patch(access_token, { email: `${newName()}@example.com` }))
    expect(await isAlive(other.access_token)).toBe(true)
  })

  it('refuses an identifier that another account has', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    const refusal = await refused(patch(one.access_token, { username: other.name.toUpperCase() }))
    expect(refusal).toMatchObject({ status: 409, code: 'identifier_taken', field: 'username' })
    expect((await ok<User>(call('GET', '/auth/me', { bearer: one.access_token }))).username).toBe(one.name)
  })

  it('gives an identifier that two people want at once to one of them', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    const email = `${newName()}@example.com`
    const answers = await Promise.all([one, other].map(({ access_token }) => patch(access_token, { email })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })

  it.each([
    ['no identifier', {}, ['username', 'email', 'phone']],
    ['the last one cleared', { username: null }, ['username']],
    ['null for the password', { current_password: null, email: 'a@example.com' }, ['current_password']],
    ['an unknown field', { email: 'a@example.com', role: 'admin' }, ['role']],
    [
      'the last one cleared, without a password',
      { username: null, current_password: null },
      ['current_password', 'username'],
    ],
    ['the last one cleared, and another unusable', { username: null, email: 'no address' }, ['email']],
    ['an empty identifier', { email: ' ' }, ['email']],
    ['a reserved username', { username: ' Admin' }, ['username']],
    [
      'a reserved username, without a password',
      { username: 'root', current_password: '' },
      ['current_password', 'username'],
    ],
    ['a username that shows something else', { username: 'gr\ufe00ace' }, ['username']],
    ['a control character at an end', { phone: '+12015550123\n' }, ['phone']],
  ])('refuses %s', async (_what, body, fields) => {
    const { access_token } = await newPerson()
    const { status, errors } = await refused(patch(access_token, body))
    expect(status).toBe(422)
    expect(errors?.map(({ field }) => field)).toEqual(fields)
  })
})

describe('PUT /auth/me/password', () => {
  it('keeps this session under a new refresh token and ends every other', async () => {
    freeze()
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    advance(60)
    const changed = await ok<Tokens>(changePassword(person.access_token))
    const [before, after] = [decodeJwt(person.access_token), decodeJwt(changed.access_token)]
    expect(after.sid).toBe(before.sid)
    expect(after.auth_time).toBe(Number(before.auth_time) + 60)
    expect(await isAlive(person.access_token)).toBe(true)
    expect(await isAlive(other.access_token)).toBe(false)
    for (const dead of [person.refresh_token, other.refresh_token]) {
      expect(await refused(refresh(dead))).toMatchObject({ code: 'invalid_refresh_token' })
    }
    await ok(refresh(changed.refresh_token))
  })

  it('puts the new password in the place of the old', async () => {
    const { access_token, name } = await newPerson()
    await ok(changePassword(access_token))
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('lets one of two changes at once win', async () => {
    const { access_token, name } = await newPerson()
    const passwords = ['the first new passphrase', 'the second new passphrase']
    const answers = await Promise.all(
      passwords.map((new_password) => changePassword(access_token, { new_password })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401])
    const winner = passwords[answers.findIndex(({ status }) => status === 200)] ?? ''
    await ok(logIn(name, winner))
  })

  it('refuses a weak new password before it says anything of the current one', async () => {
    const { access_token, name } = await newPerson()
    const weak = { current_password: 'wrong', new_password: `my ${name}` }
    expect(await refused(changePassword(access_token, weak))).toMatchObject({
      code: 'weak_password',
      reasons: ['contains_identifier'],
    })
    expect(await refused(changePassword(access_token, { new_password: '' }))).toMatchObject({
      reasons: ['too_short'],
    })
    expect(await refused(changePassword(access_token, { new_password: 'abcd4321' }))).toMatchObject({
      code: 'weak_password',
      reasons: ['too_simple'],
    })
    expect(await refused(changePassword(access_token, { new_password: '!!Dragon1!!' }))).toMatchObject({
      code: 'weak_password',
      reasons: ['common'],
    })
  })

  it('lists a weak new password beside other problems', async () => {
    const { access_token, name } = await newPerson()
    const weak = { current_password: null, new_password: `my ${name}`, more: 1 }
    const { code, errors } = await refused(changePassword(access_token, weak))
    expect(code).toBe('invalid_request')
    expect(errors?.map(({ field, ...rest }) => [field, rest])).toEqual([
      ['current_password', { message: 'Required.' }],
      ['more', { message: 'Unknown field.' }],
      ['new_password', { message: expect.any(String), reasons: ['contains_identifier'] }],
    ])
  })

  it('says that the password is changed when only the answer is not there', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('tell', { before: true })
    const refusal = await refused(changePassword(access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable', changed: true })
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('goes on where only the answer of the write was lost', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('batch', { after: true })
    await ok(changePassword(access_token, {}, workerWith(watched.bindings)))
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('changes nothing where the write did not happen', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('batch', { before: true })
    const refusal = await refused(changePassword(access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal).not.toHaveProperty('changed')
    await ok(logIn(name))
    expect(await isAlive(access_token)).toBe(true)
  })
})

describe('DELETE /auth/me', () => {
  it('removes the account and ends its sessions', async () => {
    const { access_token, refresh_token, name, user } = await newPerson()
    await ok(leave(access_token, PASSWORD, workerWith({})), 204)
    expect(await isAlive(access_token)).toBe(false)
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    expect(await untold(user.id)).toBe(0)
    await ok(register({ username: name }), 201)
  })

  it('lets one of a deletion and a change at once win', async () => {
    const { access_token, name } = await newPerson()
    const [left, patched] = await Promise.all([
      leave(access_token),
      patch(access_token, { email: `${newName()}@example.com` }),
    ])
    expect([left.status, patched.status]).toSatisfy(
      ([deletion, change]: number[]) => deletion === 204 && (change === 200 || change === 401),
    )
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
  })

  it('says that the account is gone when only its sessions could not be told', async () => {
    const watched = watch()
    const { access_token, name, user } = await newPerson()
    watched.fail('tell', { before: true })
    const refusal = await refused(leave(access_token, PASSWORD, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, changed: true })
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    await runCron()
    expect(await isAlive(access_token)).toBe(false)
    expect(await untold(user.id)).toBe(0)
  })
})

describe('each change of an account', () => {
  const changes = [
    ['PATCH', '/auth/me', { username: 'somebody.new' }],
    ['PUT', '/auth/me/password', { new_password: NEW_PASSWORD }],
    ['DELETE', '/auth/me', {}],
  ] as const

  it.each(changes)('needs the current password: %s %s', async (method, path, body) => {
    const { access_token, name } = await newPerson()
    const wrong = { ...body, current_password: 'not the password' }
    const answer = await call(method, path, { bearer: access_token, body: wrong })
    expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
    expect(await answer.json()).toMatchObject({ status: 401, code: 'invalid_credentials' })
    await ok(logIn(name))
  })

  it.each(changes)('needs the field current_password: %s %s', async (method, path, body) => {
    const { access_token } = await newPerson()
    const { errors } = await refused(call(method, path, { bearer: access_token, body }))
    expect(errors).toEqual([{ field: 'current_password', message: 'Required.' }])
  })

  it.each(changes)('is refused while the account is disabled: %s %s', async (method, path, body) => {
    const { access_token, user } = await newPerson()
    await disable(user.id)
    const right = { ...body, current_password: PASSWORD }
    expect(await refused(call(method, path, { bearer: access_token, body: right }))).toMatchObject({
      status: 403,
      code: 'account_disabled',
    })
  })
})
