/** What an operator does straight in D1, and cron behind it. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { isolateFor } from '../../src/isolate.ts'

/** One cron run of the Worker. */
export async function runCron(bindings = env): Promise<void> {
  const context = createExecutionContext()
  await isolateFor(bindings).maintain(context)
  await waitOnExecutionContext(context)
}

/** Grants as an operator would, with the new version and the to-tell row of any change. */
export async function grant(accountId: string, to: { roles?: string[]; scopes?: string[]; claims?: object }) {
  await change(accountId, 'roles = ?2, scopes = ?3, claims = ?4', [
    JSON.stringify(to.roles ?? []),
    JSON.stringify(to.scopes ?? []),
    JSON.stringify(to.claims ?? {}),
  ])
}

export async function disable(accountId: string): Promise<void> {
  await change(accountId, 'disabled = 1, sessions_from = credential_version + 1, kept_session = NULL', [])
}

/** Makes the row differ from what the account's object was told. */
export async function change(
  accountId: string,
  assignments: string,
  values: readonly unknown[],
): Promise<void> {
  await env.DB.batch([
    env.DB.prepare(
      `UPDATE accounts SET ${assignments}, credential_version = credential_version + 1 WHERE id = ?1`,
    ).bind(accountId, ...values),
    env.DB.prepare('INSERT INTO to_tell SELECT id, credential_version FROM accounts WHERE id = ?1').bind(
      accountId,
    ),
  ])
}

/** @returns how many changes of the account its object may not know yet. */
export async function untold(accountId: string): Promise<number> {
  const statement = env.DB.prepare('SELECT count(*) AS n FROM to_tell WHERE account_id = ?1').bind(accountId)
  return (await statement.first<number>('n')) ?? -1
}
