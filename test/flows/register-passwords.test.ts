import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, logIn, newName, ok, PASSWORD, refused, register, workerWith } from '../support/client.ts'

describe('the password of a registration', () => {
  it('stores only a hash of the password', async () => {
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
  ])('rejects a weak password at registration: %s', async (reason, password) => {
    expect(await refused(register({ username: newName() }, password))).toMatchObject({
      status: 422,
      code: 'weak_password',
      reasons: [reason],
    })
  })

  it('rejects a password that contains the username, the local part of the email address or the national phone number', async () => {
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

  it('counts the length of a password in code points after NFC: 128 astral characters pass, 129 do not', async () => {
    const astral = '\u{1f600}\u{1f511}\u{1f41d}\u{1f40c}\u{1f40d}\u{1f40e}\u{1f511}\u{1f600}'.repeat(16)
    expect((await register({ username: newName() }, astral)).status).toBe(201)
    expect(await refused(register({ username: newName() }, `${astral}\u{1f600}`))).toMatchObject({
      reasons: ['too_long'],
    })
  })

  it('accepts a password in another normalization form at login', async () => {
    const username = newName()
    await ok(register({ username }, 'caf\u00e9 au lait'), 201)
    await ok(logIn(username, 'cafe\u0301 au lait'))
    expect(await refused(logIn(username, ' caf\u00e9 au lait'))).toMatchObject({
      code: 'invalid_credentials',
    })
  })

  it('reports all reasons against a password in a fixed order', async () => {
    expect(await refused(register({ phone: '+12015550177' }, '2015550177'.repeat(13)))).toMatchObject({
      reasons: ['too_long', 'contains_identifier'],
    })
    expect(await refused(register({ username: newName() }, 'QwErTy'))).toMatchObject({
      reasons: ['too_short', 'too_simple', 'common'],
    })
  })

  it('accepts a passphrase of common words', async () => {
    await ok(register({ username: newName() }, 'password monkey dragon ladder'), 201)
  })

  it('reports a weak password beside other errors, compared with the identifiers that are valid', async () => {
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
  ])('reports a weak password last, after %s', async (_what, identifiers, fields) => {
    const body = { ...identifiers, password: '12341234' }
    const { code, errors } = await refused(call('POST', '/auth/register', { body }))
    expect(code).toBe('invalid_request')
    expect(errors?.map(({ field }) => field)).toEqual([...fields, 'password'])
    expect(errors?.at(-1)).toMatchObject({ reasons: ['too_simple'] })
  })

  it('reports a missing or malformed password once, and no error for a good one beside other errors', async () => {
    for (const password of [undefined, 5, 'x\ud800']) {
      const { errors } = await refused(call('POST', '/auth/register', { body: { password, username: '!' } }))
      expect(errors?.filter(({ field }) => field === 'password')).toEqual([
        { field: 'password', message: expect.any(String) },
      ])
    }
    const { errors } = await refused(register({ username: '!' }))
    expect(errors?.map(({ field }) => field)).toEqual(['username'])
  })

  it('rejects passwords based on PASSWORD_WORDS and the name of the pages as common', async () => {
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
