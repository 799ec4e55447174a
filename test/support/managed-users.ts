/** Accounts as operators read and change them. */
import { admin } from './admin.ts'
import { call, newPerson, ok, type User, workerWith } from './client.ts'
import type { ManagedUser } from './responses.ts'

export const see = (id: string) => ok<ManagedUser>(admin('GET', `/admin/users/${id}`))
export const change = (id: string, body: unknown, fetch = workerWith({})) =>
  admin('PATCH', `/admin/users/${id}`, body, fetch)
export const changed = (id: string, body: unknown) => ok<ManagedUser>(change(id, body))
export const me = (bearer: string) => ok<User>(call('GET', '/auth/me', { bearer }))

/** An account for what is refused: nothing of that may change it. */
let bystander: Promise<{ readonly id: string }> | null = null
export async function someAccount(): Promise<string> {
  bystander ??= newPerson().then(({ user }) => user)
  return (await bystander).id
}
