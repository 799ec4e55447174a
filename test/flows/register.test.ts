import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { admin } from '../support/admin.ts'
import { call, logIn, newName, ok, PASSWORD, refused, register, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import type { Tokens } from '../support/responses.ts'

const accountsNamed = (column: string, value: string) =>
  env.DB.prepare(`SELECT count(*) AS n FROM accounts WHERE ${column} = ?1`).bind(value).first<number>('n')

describe('registration', () => {
  it('accepts a username, an email address and a phone number and responds with the user', async () => {
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
      name: null,
      picture: null,
      locale: null,
      zoneinfo: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: user.created_at,
      roles: [],
      scopes: [],
      claims: {},
    })
  })

  it('allows login by each registered identifier in any spelling', async () => {
    const username = `Straße${newName()}`
    await ok(register({ username, email: `${newName()}x@example.com`, phone: '+49 30 901820' }), 201)
    for (const identifier of [username, username.toUpperCase(), '+49 (30) 901820', '+4930901820']) {
      const { user } = await ok<Tokens>(logIn(identifier))
      expect(user.username).toBe(username)
    }
  })

  it.each([
    ['case', (name: string) => name.toUpperCase()],
    ['full width', (name: string) => name.replace('p', 'ｐ')],
    ['the very same', (name: string) => name],
  ])('rejects a taken username in another spelling: %s', async (_spelling, respell) => {
    const username = newName()
    await ok(register({ username }), 201)
    expect(await refused(register({ username: respell(username) }))).toMatchObject({
      status: 409,
      code: 'identifier_taken',
      field: 'username',
    })
  })

  it('names the first taken identifier in the order username, email, phone', async () => {
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
  ])(
    'answers 201 and 409 to two simultaneous registrations of one identifier: %s',
    async (_kind, spellings) => {
      const responses = await Promise.all(spellings(newName()).map((identifiers) => register(identifiers)))
      expect(responses.map(({ status }) => status).toSorted()).toEqual([201, 409])
    },
  )

  it('stores one of twenty simultaneous registrations of one username', async () => {
    const username = newName()
    const responses = await Promise.all(Array.from({ length: 20 }, () => register({ username })))
    const statuses = responses.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status === 409)).toHaveLength(19)
    expect(await accountsNamed('username', username)).toBe(1)
  })

  it.each([
    ['white space and format characters', (text: string) => `\u00a0\u202a${text}\u202c\u200b `],
    ['a byte order mark and an ideographic space', (text: string) => `\ufeff${text}\u3000`],
  ])('trims %s around every identifier at registration and at login', async (_what, wrap) => {
    const username = newName()
    const digits = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0
    const phone = `+44 7400 1${String(digits).padStart(5, '0')}`
    const identifiers = {
      username: wrap(username),
      email: wrap(`${username}@example.com`),
      phone: wrap(phone),
    }
    const { user } = await ok<Tokens>(register(identifiers), 201)
    expect(user).toMatchObject({
      username,
      email: `${username}@example.com`,
      phone: phone.replaceAll(' ', ''),
    })
    for (const identifier of Object.values(identifiers)) {
      expect((await ok<Tokens>(logIn(identifier))).user.id).toBe(user.id)
    }
  })

  it('normalizes the digits, spaces and dashes of a phone number', async () => {
    const { user } = await ok<Tokens>(
      register({ phone: '\uff0b\uff11\u3000\uff08\uff12\uff10\uff12\uff09\u2011555/0188' }),
      201,
    )
    expect(user.phone).toBe('+12025550188')
    for (const identifier of [
      '+1\u2009202\u2013555\u22120188',
      '+\u0661\u0662\u0660\u0662 5550188',
      '+1/202/555.0188',
    ]) {
      expect((await ok<Tokens>(logIn(identifier))).user.id).toBe(user.id)
    }
  })

  it.each(['', ' ', '\u202a\u202c'])('treats an empty optional field as absent: %j', async (empty) => {
    const body = { username: newName(), email: empty, phone: empty, challenge: empty, transport: empty }
    const { user } = await ok<Tokens>(
      call('POST', '/auth/register', { body: { ...body, password: PASSWORD } }),
      201,
    )
    expect(user).toMatchObject({ username: body.username, email: null, phone: null })
  })

  it('rejects a registration if each identifier is empty', async () => {
    const { errors } = await refused(register({ username: '', email: ' ', phone: '\u200b' }))
    expect(errors?.map(({ field }) => field)).toEqual(['username', 'email', 'phone'])
  })

  it.each([
    ['a tab', 'ada\t'],
    ['a line feed', '\nada'],
    ['a next line', 'ada\u0085'],
    ['a control character behind a space', 'ada \u0007 '],
    ['only a tab', '\t'],
    ['a lone surrogate', ' ada\udc00'],
  ])('rejects %s at an end of an identifier', async (_what, text) => {
    for (const field of ['username', 'email', 'phone']) {
      const { status, errors } = await refused(register({ [field]: text }))
      expect(status).toBe(422)
      expect(new Set(errors?.map((error) => error.field))).toEqual(new Set([field]))
    }
    expect(await refused(logIn(text))).toMatchObject({ status: 422, errors: [{ field: 'identifier' }] })
  })

  it.each(['grace\ufe0f', 'gr\u034face', '\u3164\u3164\u3164', '\uffa0grace', 'grace\u{e0100}'])(
    'rejects a username with an invisible code point: %j',
    async (username) => {
      const { status, errors } = await refused(register({ username }))
      expect(status).toBe(422)
      expect(errors).toEqual([{ field: 'username', message: expect.stringContaining('invisible') }])
    },
  )

  it.each([
    'admin',
    'ADMIN',
    '\uff41dmin',
    '\u{1d4d0}dmin',
    ' root ',
    'postmaster',
    'noc',
    'Official',
    'Gatehouse',
  ])('rejects a reserved username in every equivalent form: %j', async (username) => {
    expect(await refused(register({ username }))).toMatchObject({
      status: 422,
      code: 'invalid_request',
      errors: [{ field: 'username', message: 'Must not be a reserved name.' }],
    })
  })

  it.each(['administrators', 'my.admin', 'roots'])(
    'accepts a username that only contains a reserved one: %s',
    async (name) => {
      await ok(register({ username: `${name}.${newName()}`.slice(0, 32) }), 201)
    },
  )

  it('replaces the default reserved usernames with those of RESERVED_USERNAMES, which may be empty', async () => {
    const own = workerWith({ RESERVED_USERNAMES: 'Billing' })
    expect(await refused(register({ username: 'BILLING' }, PASSWORD, own))).toMatchObject({ status: 422 })
    await ok(register({ username: 'webmaster' }, PASSWORD, own), 201)
    await ok(register({ username: 'hostmaster' }, PASSWORD, workerWith({ RESERVED_USERNAMES: '' })), 201)
  })

  it('rejects a reserved username before it reports that registration is closed', async () => {
    await ok(admin('PUT', '/admin/limits', { registration_open: false }))
    const refusals = [register({ username: 'admin' }), register({ username: newName() }, '12341234')]
    const codes = (await Promise.all(refusals.map(refused))).map(({ code }) => code)
    await ok(admin('PUT', '/admin/limits', { registration_open: true }))
    expect(codes).toEqual(['invalid_request', 'registration_closed'])
  })

  it('answers 503 and stores no account while the database is unavailable', async () => {
    const watched = watch()
    const username = newName()
    const worker = workerWith(watched.bindings)
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    watched.fail('batch', { before: true })
    const response = await register({ username }, PASSWORD, worker)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(await response.json()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await accountsNamed('username', username)).toBe(0)
  })

  it('completes a registration if only the result of the write was lost', async () => {
    const watched = watch()
    const username = newName()
    const worker = workerWith(watched.bindings)
    watched.fail('batch', { after: true })
    const { user } = await ok<Tokens>(register({ username }, PASSWORD, worker), 201)
    expect(user.username).toBe(username)
  })

  it('reports that the account is stored if opening its session failed', async () => {
    const watched = watch()
    const username = newName()
    watched.fail('open', { before: true })
    const problem = await refused(register({ username }, PASSWORD, workerWith(watched.bindings)))
    expect(problem).toMatchObject({ status: 503, code: 'unavailable', registered: true })
    await ok(logIn(username))
  })

  it('stores no account if no token can be signed', async () => {
    const username = newName()
    const other = workerWith({ AUTH_SECRET: 'another secret of the tests, as long as it has to be' })
    await ok(register({ username: newName() }), 201)
    expect(await refused(register({ username }, PASSWORD, other))).toMatchObject({ code: 'misconfigured' })
    expect(await accountsNamed('username', username)).toBe(0)
  })
})
