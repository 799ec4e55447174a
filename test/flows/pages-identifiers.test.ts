import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { alertOf, Browser, textOf } from '../support/browser.ts'
import { logIn, newName, ok, PASSWORD, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { useFastPasswords } from '../support/faults.ts'
import { registered } from '../support/pages.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

type Kind = 'username' | 'email' | 'phone'
const asksFor = (...identifiers: Kind[]) => new Browser({}, workerWith({ PAGES: { identifiers } }))

describe('the fields of registration', () => {
  it('asks in one field for any identifier without PAGES.identifiers', async () => {
    const { html } = await new Browser().open('/register')
    expect(html.match(/name="(identifier|username|email|phone)"/g)).toEqual(['name="identifier"'])
  })

  it('asks for each kind of PAGES.identifiers in a field of its own, in their order', async () => {
    const { html } = await asksFor('email', 'username').open('/register')
    expect(html.match(/name="(identifier|username|email|phone)"/g)).toEqual([
      'name="email"',
      'name="username"',
    ])
    expect(html).toMatch(/id="register-email"[^>]*type="email"[^>]*autocomplete="email"/)
  })

  it('registers with every identifier that it asks for', async () => {
    const name = newName()
    const sent = { email: `${name}@example.com`, username: name, password: PASSWORD }
    expect((await asksFor('email', 'username').send('/register', sent)).url).toBe('/account')
    await ok(logIn(name))
    await ok(logIn(sent.email))
  })

  it.each([
    ['a missing email', { email: '' }, 'register-email-error', /Fill in/],
    ['an invalid email', { email: 'no-address' }, 'register-email-error', /such as name@example.com/],
    ['an invalid username', { username: 'a b' }, 'register-username-error', /3 to 32/],
    ['a control character', { username: 'a\u0007bc' }, 'register-username-error', /3 to 32/],
    ['a missing password', { password: '' }, 'register-password-error', /Fill in/],
    ['a weak password', { email: '', password: 'short' }, 'register-password-error', /too short/],
  ])('rejects %s at its field and keeps what was typed', async (_what, broken, id, message) => {
    const name = newName()
    const sent = { email: `${name}@example.com`, username: name, password: PASSWORD, ...broken }
    const page = await asksFor('email', 'username').send('/register', sent)
    expect(page.status).toBe(422)
    expect(textOf(page, id)).toMatch(message)
    if (sent.email !== '') expect(page.html).toContain(`value="${sent.email}"`)
    expect(page.html).not.toContain(PASSWORD)
  })

  it('says at the field of its kind that an identifier is taken', async () => {
    const { name } = await registered()
    const sent = { email: `${newName()}@example.com`, username: name, password: PASSWORD }
    const page = await asksFor('email', 'username').send('/register', sent)
    expect([page.status, textOf(page, 'register-username-error')]).toEqual([409, 'This username is taken.'])
  })

  it('ignores identifiers that it does not ask for', async () => {
    const [name, other] = [newName(), newName()]
    const sent = { email: `${name}@example.com`, username: other, identifier: other, password: PASSWORD }
    expect((await asksFor('email').send('/register', sent)).url).toBe('/account')
    expect((await logIn(other)).status).toBe(401)
  })
})

describe('the field of login', () => {
  it.each([
    [['username'], 'Username'],
    [['email'], 'Email'],
    [['phone', 'email'], 'Email or Phone number'],
    [['email', 'phone', 'username'], 'Username, email or phone number'],
  ] as const)('names the kinds of PAGES.identifiers: %s', async (identifiers, label) => {
    const { html } = await asksFor(...identifiers).open('/login')
    expect(html).toContain(`<label for="login-identifier">${label}</label>`)
  })

  it('accepts any identifier, whatever registration asks for', async () => {
    const { name } = await registered()
    const browser = asksFor('email')
    expect((await browser.send('/login', { identifier: name, password: PASSWORD })).url).toBe('/account')
  })

  it('begins with the login_hint of an app and puts the focus on the password', async () => {
    const { html } = await new Browser().open('/login?login_hint=grace%40example.com')
    expect(html).toMatch(/id="login-identifier"[^>]*value="grace@example.com"/)
    expect(html).toMatch(/id="login-password"[^>]*autofocus/)
    expect(html).not.toMatch(/id="login-identifier"[^>]*autofocus/)
  })

  it.each([
    ['markup', '"><script>x', 'value="&quot;&gt;&lt;script&gt;x"'],
    ['a control character', 'a%00b', 'value=""'],
    ['more characters than an identifier has', 'a'.repeat(255), 'value=""'],
  ])('does not show a login_hint as it is with %s', async (_what, hint, shown) => {
    const { html } = await new Browser().open(`/login?login_hint=${hint}`)
    expect(html).toContain(shown)
    expect(html).not.toContain('<script>x')
  })

  it('puts the login_hint into the field of its kind at registration', async () => {
    const { html } = await asksFor('username', 'email').open('/register?login_hint=grace%40example.com')
    expect(html).toMatch(/id="register-email"[^>]*value="grace@example.com"/)
    expect(html).not.toMatch(/id="register-username"[^>]*value="grace/)
  })
})

describe('closed registration', () => {
  afterEach(() => ok(admin('PUT', '/admin/limits', { registration_open: true })))

  it('is shown instead of the form, and the login page does not lead to it', async () => {
    await ok(admin('PUT', '/admin/limits', { registration_open: false }))
    const page = await new Browser().open('/register')
    expect(page.status).toBe(200)
    expect(page.html).toContain('Registration is closed')
    expect(page.html).not.toContain('name="password"')
    expect((await new Browser().open('/login')).html).not.toContain('href="/register')
  })

  it('rejects a form that was opened before it closed', async () => {
    await ok(admin('PUT', '/admin/limits', { registration_open: false }))
    const page = await new Browser().send('/register', { identifier: newName(), password: PASSWORD })
    expect(page.status).toBe(403)
    expect(alertOf(page)).toMatch(/does not accept registrations/)
  })
})

describe('a person who has just registered', () => {
  beforeEach(() => freeze())
  afterEach(thaw)

  it('is welcomed, and not again later', async () => {
    const { browser, page } = await registered()
    expect(page.html).toContain('Welcome! Your account is created.')
    advance(30)
    expect((await browser.open('/account')).html).not.toContain('Welcome!')
  })
})
