/**
 * The outbox in D1: events that a change of an account has written in its batch and that may not be delivered yet. The Worker
 * delivers them after the commit and deletes their rows; cron delivers the others. Delivery is at least once.
 */
import type { AccountId } from '../accounts/account.ts'
import type { ConditionalStatement } from '../accounts/account-store.ts'
import { newId } from '../crypto/ids.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { type OutboxEvent, RETRY_AFTER_SECONDS } from './events.ts'

interface OutboxRow extends Omit<OutboxEvent, 'data'> {
  readonly data: string
}

/** Writes the event that an account has a new state, or that it is deleted. @param version of the change */
export function accountStateEvent(
  accountId: AccountId,
  version: number,
  nowMs: number,
): ConditionalStatement {
  const now = Math.floor(nowMs / 1000)
  const values = [accountId, newId(nowMs), JSON.stringify(version), now + RETRY_AFTER_SECONDS[0], now]
  return (db, condition) =>
    db
      .prepare(
        `INSERT INTO outbox (account_id, id, kind, data, due_at, created_at)
         SELECT ?1, ?2, 'account_state', ?3, ?4, ?5 WHERE ${condition.sql}`,
      )
      .bind(...values, ...condition.values)
}

export class Outbox {
  readonly #db: D1Database

  constructor(db: D1Database) {
    this.#db = db
  }

  /**
   * Claims the events that have been due for longest: no other run gets them before their next attempt is due, and those that
   * cannot be delivered make no other event wait.
   */
  async claim(nowMs: number, limit: number): Promise<readonly OutboxEvent[]> {
    const sql = `UPDATE outbox SET attempts = attempts + 1,
        due_at = ?1 + json_extract(?2, '$[' || min(attempts + 1, json_array_length(?2) - 1) || ']')
      WHERE (account_id, id) IN (SELECT account_id, id FROM outbox WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3)
      RETURNING id, account_id AS accountId, kind, data, attempts`
    const now = Math.floor(nowMs / 1000)
    const claim = this.#db.prepare(sql).bind(now, JSON.stringify(RETRY_AFTER_SECONDS), limit)
    const { results } = await withDeadline(claim.run<OutboxRow>())
    return results.map((row) => ({ ...row, data: JSON.parse(row.data) }))
  }

  /**
   * Deletes the events that published states have settled, older ones included.
   * @param published the version that the object of each account has
   */
  async removeStates(published: ReadonlyMap<AccountId, number>): Promise<void> {
    const sql = `DELETE FROM outbox WHERE (account_id, id) IN (
      SELECT pending.account_id, pending.id FROM json_each(?1) AS published
      CROSS JOIN outbox AS pending ON pending.account_id = published.key
      WHERE pending.kind = 'account_state' AND CAST(pending.data AS INTEGER) <= published.value)`
    const removal = this.#db.prepare(sql).bind(JSON.stringify(Object.fromEntries(published)))
    await withDeadline(removal.run())
  }
}
