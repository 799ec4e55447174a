import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, logIn, newName, ok, PASSWORD, refused, register, workerWith } from '../support/client.ts'

describe('registration', () => {
  it('stores no password, only its hash', async () => {
    const username = newName()
    await ok(register({ username }), 201)
    const row = await env.DB.prepare('SELECT * FROM accounts WHERE username = ?1').bind(username).first()
    expect(JSON.stringify(row)).not.toContain(PASSWORD)
    expect(row?.password_hash).toMatch(/^\$pbkdf2-sha256\$i=100000,r=6\$/)
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

  it('lists a weak password beside other problems, and what it contains of the identifiers that can be read', async () => {
    const username = newName()
    const body = { username, email: 'no address', extra: 1, password: `my ${username}` }
    const { code, errors } = await refused(call('POST', '/auth/register', { body }))
    expect(code).toBe('invalid_request')
    expect(errors).toEqual([
      { field: 'email', message: 'Must be an email address such as name@example.com.' },
      { field: 'extra', message: 'Unknown field.' },
      { field: 'password', message: 'Must not be a weak password.', reasons: ['contains_identifier'] },
    ])
  })

  it.each([
    ['no identifier', {}, ['username', 'email', 'phone']],
    ['an identifier of a wrong type', { username: 5 }, ['username']],
    ['a username that shows nothing', { username: '\u3164\u3164\u3164' }, ['username']],
    ['a reserved username alone', { username: 'admin' }, ['username']],
    ['a reserved username and a wrong type', { username: 'admin', challenge: 5 }, ['challenge', 'username']],
    ['an unknown transport', { email: 'ada@example.com', transport: 'carrier pigeon' }, ['transport']],
  ])('lists a weak password last, beside %s', async (_what, identifiers, fields) => {
    const body = { ...identifiers, password: '12341234' }
    const { code, errors } = await refused(call('POST', '/auth/register', { body }))
    expect(code).toBe('invalid_request')
    expect(errors?.map(({ field }) => field)).toEqual([...fields, 'password'])
    expect(errors?.at(-1)).toMatchObject({ reasons: ['too_simple'] })
  })

  it('says once that a password is missing or no text, and nothing of a good one beside other problems', async () => {
    for (const password of [undefined, 5, 'x\ud800']) {
      const { errors } = await refused(call('POST', '/auth/register', { body: { password, username: '!' } }))
      expect(errors?.filter(({ field }) => field === 'password')).toEqual([
        { field: 'password', message: expect.any(String) },
      ])
    }
    const { errors } = await refused(register({ username: '!' }))
    expect(errors?.map(({ field }) => field)).toEqual(['username'])
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
})
