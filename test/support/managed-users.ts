/** Accounts as operators read and change them. */

import { admin } from './admin.ts'
import { call, newPerson, ok, workerWith } from './client.ts'
import type { ManagedUser, User } from './responses.ts'

export const readUser = (id: string) => ok<ManagedUser>(admin('GET', `/admin/users/${id}`))
export const changeUser = (id: string, body: unknown, fetch = workerWith({})) =>
  admin('PATCH', `/admin/users/${id}`, body, fetch)
export const changedUser = (id: string, body: unknown) => ok<ManagedUser>(changeUser(id, body))
export const profileOf = (bearer: string) => ok<User>(call('GET', '/auth/me', { bearer }))

/** An account that tests of rejected calls share, since such calls change nothing. */
let bystander: Promise<{ readonly id: string }> | null = null
export async function someAccount(): Promise<string> {
  bystander ??= newPerson().then(({ user }) => user)
  return (await bystander).id
}
