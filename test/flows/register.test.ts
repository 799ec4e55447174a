import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import {
  call,
  logIn,
  newName,
  ok,
  PASSWORD,
  refused,
  register,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'

const accountsNamed = (column: string, value: string) =>
  env.DB.prepare(`SELECT count(*) AS n FROM accounts WHERE ${column} = ?1`).bind(value).first<number>('n')

describe('registration', () => {
  it('takes a username, an email and a phone, and answers with the user', async () => {
    const username = newName()
    const identifiers = { username, email: ` ${username}@Bücher.Example `, phone: '+1 (201) 555-0123' }
    const { user } = await ok<Tokens>(register(identifiers), 201)
    expect(user).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      username,
      email: `${username}@xn--bcher-kva.example`,
      email_verified: false,
      phone: '+12015550123',
      phone_verified: false,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: user.created_at,
      roles: [],
      scopes: [],
      claims: {},
    })
  })

  it('lets one log in by each identifier that was given, however it is spelled', async () => {
    const username = `Straße${newName()}`
    await ok(register({ username, email: `${newName()}x@example.com`, phone: '+49 30 901820' }), 201)
    for (const identifier of [username, username.toUpperCase(), '+49 (30) 901820', '+4930901820']) {
      const { user } = await ok<Tokens>(logIn(identifier))
      expect(user.username).toBe(username)
    }
  })

  it('stores no password, only its hash', async () => {
    const username = newName()
    await ok(register({ username }), 201)
    const row = await env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(username).first()
    expect(JSON.stringify(row)).not.toContain(PASSWORD)
    expect(row?.password_hash).toMatch(/^\$pbkdf2-sha256\$i=100000,r=6\$/)
  })

  it.each([
    ['case', (name: string) => name.toUpperCase()],
    ['full width', (name: string) => name.replace('p', 'ｐ')],
    ['the very same', (name: string) => name],
  ])('refuses a taken username in another spelling: %s', async (_spelling, respell) => {
    const username = newName()
    await ok(register({ username }), 201)
    expect(await refused(register({ username: respell(username) }))).toMatchObject({
      status: 409,
      code: 'identifier_taken',
      field: 'username',
    })
  })

  it('names the first taken of username, email, phone', async () => {
    const [one, two] = [newName(), newName()]
    await ok(register({ username: one }), 201)
    await ok(register({ email: `${one}@example.com` }), 201)
    const both = register({ username: one, email: `${one}@example.com` })
    expect(await refused(both)).toMatchObject({ code: 'identifier_taken', field: 'username' })
    const second = register({ username: two, email: `${one}@EXAMPLE.com` })
    expect(await refused(second)).toMatchObject({ code: 'identifier_taken', field: 'email' })
    expect(await accountsNamed('username', two)).toBe(0)
  })

  it.each([
    ['usernames', (name: string) => [{ username: name }, { username: name.toUpperCase() }]],
    ['Unicode forms', (name: string) => [{ username: `e\u0301${name}` }, { username: `\u00c9${name}` }]],
    ['emails', (name: string) => [{ email: `${name}@example.com` }, { email: ` ${name}@EXAMPLE.com` }]],
    ['phones', () => [{ phone: '+12015550199' }, { phone: '+1 201-555-0199' }]],
  ])('gives one 201 and one 409 to two of one identifier at once: %s', async (_kind, spellings) => {
    const answers = await Promise.all(spellings(newName()).map((identifiers) => register(identifiers)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
  })

  it('keeps one of twenty registrations of one name at once', async () => {
    const username = newName()
    const answers = await Promise.all(Array.from({ length: 20 }, () => register({ username })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(19)
    expect(await accountsNamed('username', username)).toBe(1)
  })

  it.each([
    ['too_short', 'short 7'],
    ['too_short', ''],
    ['common', 'PassWord1'],
    ['common', 'Monkey!2024'],
    ['common', 'gatehouse2026'],
    ['too_simple', '12341234'],
    ['too_simple', ' '.repeat(8)],
    ['too_long', 'bread and water '.repeat(8).concat('!')],
  ])('refuses a weak password: %s', async (reason, password) => {
    expect(await refused(register({ username: newName() }, password))).toMatchObject({
      status: 422,
      code: 'weak_password',
      reasons: [reason],
    })
  })

  it('refuses a password that contains the username, the local part or the national number', async () => {
    const username = newName()
    for (const [identifiers, password] of [
      [{ username }, `my ${username.toUpperCase()} !`],
      [{ email: `${username}@example.com` }, `so ${username} it is`],
      [{ phone: '+12015550177' }, 'call 2015550177 now'],
    ] as const) {
      expect(await refused(register(identifiers, password))).toMatchObject({
        reasons: ['contains_identifier'],
      })
    }
  })

  it('counts code points after NFC: 128 astral characters pass, 129 do not', async () => {
    const astral = '\u{1f600}\u{1f511}\u{1f41d}\u{1f40c}\u{1f40d}\u{1f40e}\u{1f511}\u{1f600}'.repeat(16)
    expect((await register({ username: newName() }, astral)).status).toBe(201)
    expect(await refused(register({ username: newName() }, `${astral}\u{1f600}`))).toMatchObject({
      reasons: ['too_long'],
    })
  })

  it('takes the same password in another normal form', async () => {
    const username = newName()
    await ok(register({ username }, 'caf\u00e9 au lait'), 201)
    await ok(logIn(username, 'cafe\u0301 au lait'))
    expect(await refused(logIn(username, ' caf\u00e9 au lait'))).toMatchObject({
      code: 'invalid_credentials',
    })
  })

  it('names every reason against a password, in one order', async () => {
    expect(await refused(register({ phone: '+12015550177' }, '2015550177'.repeat(13)))).toMatchObject({
      reasons: ['too_long', 'contains_identifier'],
    })
    expect(await refused(register({ username: newName() }, 'QwErTy'))).toMatchObject({
      reasons: ['too_short', 'too_simple', 'common'],
    })
  })

  it('takes a phrase of common words', async () => {
    await ok(register({ username: newName() }, 'password monkey dragon ladder'), 201)
  })

  it('counts the words of the setting among the common passwords', async () => {
    const worker = workerWith({ PASSWORD_WORDS: 'Rosebud, Citizen Kane', PAGES: { name: 'Xanadu' } })
    for (const password of ['rosebud!1941', 'CITIZEN KANE', '2026xanadu2026']) {
      expect(await refused(register({ username: newName() }, password, worker))).toMatchObject({
        reasons: ['common'],
      })
    }
    await ok(register({ username: newName() }, 'rosebud was a sledge', worker), 201)
    await ok(register({ username: newName() }, 'gatehouse2026', worker), 201)
  })

  it('answers 503 and stores nothing when the database is out of reach', async () => {
    const watched = watch()
    const username = newName()
    const worker = workerWith(watched.bindings)
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    watched.fail('batch', { before: true })
    const refusal = await register({ username }, PASSWORD, worker)
    expect(refusal.headers.get('Retry-After')).toBe('5')
    expect(await refusal.json()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await accountsNamed('username', username)).toBe(0)
  })

  it('goes on where only the answer of the write was lost', async () => {
    const watched = watch()
    const username = newName()
    const worker = workerWith(watched.bindings)
    watched.fail('batch', { after: true })
    const { user } = await ok<Tokens>(register({ username }, PASSWORD, worker), 201)
    expect(user.username).toBe(username)
  })

  it('says that the account is stored when only its session is not', async () => {
    const watched = watch()
    const username = newName()
    watched.fail('open', { before: true })
    const refusal = await refused(register({ username }, PASSWORD, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable', registered: true })
    await ok(logIn(username))
  })

  it('stores nothing where no token could be signed', async () => {
    const username = newName()
    const other = workerWith({ AUTH_SECRET: 'another secret of the tests, as long as it has to be' })
    await ok(register({ username: newName() }), 201)
    expect(await refused(register({ username }, PASSWORD, other))).toMatchObject({ code: 'misconfigured' })
    expect(await accountsNamed('username', username)).toBe(0)
  })
})
