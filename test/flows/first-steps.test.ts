import { describe, expect, it } from 'vitest'
import { call, logIn, newName, ok, PASSWORD, PUBLIC_URL, refresh, register } from '../support/client.ts'
import type { Tokens, User } from '../support/responses.ts'

describe('a new account', () => {
  it('registers, logs in, uses the access token, refreshes and logs out', async () => {
    const username = newName()
    const registered = await register({ username, email: `${username}@Example.com` })
    expect(registered.status).toBe(201)
    expect(registered.headers.get('Location')).toBe('/auth/me')
    const loggedIn = await ok<Tokens>(logIn(`${username}@example.COM`, PASSWORD))
    expect(loggedIn).toMatchObject({
      token_type: 'Bearer',
      expires_in: 600,
      scope: '',
      refresh_expires_in: 2_592_000,
    })
    const user = await ok<User>(call('GET', '/auth/me', { bearer: loggedIn.access_token }))
    expect(user).toEqual(loggedIn.user)
    expect(user).toMatchObject({
      username,
      email: `${username}@example.com`,
      phone: null,
      email_verified: false,
    })
    const refreshed = await ok<Tokens>(refresh(loggedIn.refresh_token))
    expect(refreshed.refresh_token).not.toBe(loggedIn.refresh_token)
    await ok(call('POST', '/auth/logout', { body: { refresh_token: refreshed.refresh_token } }), 204)
    const after = await call('GET', '/auth/me', { bearer: refreshed.access_token })
    expect(after.status).toBe(401)
    expect(after.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse", error="invalid_token"')
    expect(await after.json()).toMatchObject({
      code: 'invalid_token',
      type: `${PUBLIC_URL}/errors/invalid_token`,
    })
  })
})
