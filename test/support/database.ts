/** Changes made directly in D1, and runs of cron. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { isolateFor } from '../../src/isolate.ts'

/** The trigger of wrangler.toml for runs that do all the work of cron. */
export const EVERY_TASK = '*/5 * * * *'

/** Runs the Worker's cron handler once, at a time at which all events of the outbox are due. */
export async function runCron(bindings = env, trigger = EVERY_TASK): Promise<void> {
  await env.DB.exec('UPDATE outbox SET due_at = 0')
  const context = createExecutionContext()
  await isolateFor(bindings).maintain(context, trigger)
  await waitOnExecutionContext(context)
}

/** Sets permissions and claims as an operator does, with the new version and the outbox row of any change. */
export async function grant(accountId: string, to: { roles?: string[]; scopes?: string[]; claims?: object }) {
  await change(accountId, 'roles = ?2, scopes = ?3, claims = ?4', [
    JSON.stringify(to.roles ?? []),
    JSON.stringify(to.scopes ?? []),
    JSON.stringify(to.claims ?? {}),
  ])
}

export async function disable(accountId: string): Promise<void> {
  await change(
    accountId,
    'disabled = 1, sessions_not_before = credential_version + 1, surviving_session = NULL',
    [],
  )
}

/** Changes an account's row without publishing its state to the account's object. */
export async function change(
  accountId: string,
  assignments: string,
  values: readonly unknown[],
): Promise<void> {
  await env.DB.batch([
    env.DB.prepare(
      `UPDATE accounts SET ${assignments}, credential_version = credential_version + 1 WHERE id = ?1`,
    ).bind(accountId, ...values),
    env.DB.prepare(
      `INSERT INTO outbox (account_id, kind, data)
       SELECT id, 'account_state', credential_version FROM accounts WHERE id = ?1`,
    ).bind(accountId),
  ])
}

/** @returns the number of the account's changes that are not published yet */
export async function pendingChanges(accountId: string): Promise<number> {
  const statement = env.DB.prepare('SELECT count(*) AS n FROM outbox WHERE account_id = ?1').bind(accountId)
  return (await statement.first<number>('n')) ?? -1
}

/** @returns a function that restores the accounts and their outbox rows to the present (D1 Time Travel) */
export async function restorePoint(): Promise<() => Promise<void>> {
  const tables = ['accounts', 'outbox']
  const saved = await Promise.all(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`).run()))
  return async () => {
    await env.DB.batch([
      ...tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
      ...tables.flatMap((table, index) =>
        (saved[index]?.results ?? []).map((row) => insertRow(env.DB, table, row)),
      ),
    ])
  }
}

/** @param row its values by column */
export function insertRow(db: D1Database, table: string, row: Record<string, unknown>): D1PreparedStatement {
  const columns = Object.keys(row)
  const places = columns.map((_column, index) => `?${index + 1}`)
  return db.prepare(`INSERT INTO ${table} (${columns}) VALUES (${places})`).bind(...Object.values(row))
}
