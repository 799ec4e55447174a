/** Uses the service by a client that openapi-typescript generated. It compiles; each misuse that it shows does not. */
import createClient from 'openapi-fetch'
import type { components, paths } from '../../dist/openapi-client.d.ts'

const client = createClient<paths>({ baseUrl: 'https://auth.example.com' })
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })
const password = 'correct horse battery staple'

export async function registerAndLogIn(username: string): Promise<string> {
  const registered = await client.POST('/auth/register', { body: { username, password } })
  if (registered.error?.code === 'identifier_taken') return 'taken'
  // @ts-expect-error: no operation declares this code.
  if (registered.error?.code === 'too_many_people') return 'full'
  // @ts-expect-error: logins have this error, registrations do not.
  if (registered.error?.code === 'invalid_credentials') return 'wrong'
  // @ts-expect-error: the password is required.
  await client.POST('/auth/register', { body: { username } })
  // @ts-expect-error: an identifier is a text.
  await client.POST('/auth/register', { body: { username: 7, password } })

  const { data, error, response } = await client.POST('/auth/login', {
    body: { identifier: username, password, transport: 'body' },
  })
  // @ts-expect-error: there are two transports.
  await client.POST('/auth/login', { body: { identifier: username, password, transport: 'header' } })
  if (error?.code === 'challenge_required') return `solve ${error.challenge?.provider}`
  if (error) return `${response.status} ${error.detail}`
  const expiresInSeconds: number = data.expires_in
  return `${data.access_token} for ${expiresInSeconds} seconds`
}

export async function showAccount(token: string): Promise<components['schemas']['User'] | undefined> {
  const { data } = await client.GET('/auth/me', bearer(token))
  // @ts-expect-error: an account may have no email address.
  data?.email.toLowerCase()
  // @ts-expect-error: no such path.
  await client.GET('/auth/myself', bearer(token))
  // @ts-expect-error: the operation has no POST.
  await client.POST('/auth/me', bearer(token))
  await client.PATCH('/auth/me', {
    ...bearer(token),
    body: { phone: null, current_password: password },
  })
  await client.PATCH('/auth/me', { ...bearer(token), body: { name: 'Ada Lovelace', locale: null } })
  // @ts-expect-error: a picture is a text.
  await client.PATCH('/auth/me', { ...bearer(token), body: { picture: 7 } })
  // @ts-expect-error: an account may have no name.
  data?.name.trim()
  return data
}

export async function raiseLimit(token: string): Promise<number | undefined> {
  const { data } = await client.PUT('/admin/limits/{rule}', {
    ...bearer(token),
    params: { path: { rule: 'registrations_per_ip' } },
    body: { threshold: 10 },
  })
  // @ts-expect-error: there is no such rule.
  await client.GET('/admin/limits/{rule}', { ...bearer(token), params: { path: { rule: 'per_moon' } } })
  const limits = await client.GET('/admin/limits', bearer(token))
  // @ts-expect-error: a threshold is a number.
  limits.data?.rules.registrations_per_ip.threshold.trim()
  return data?.threshold ?? limits.data?.rules.registrations_per_ip.threshold
}
