/** D1 whose nearest replica still shows what one account was when it was taken; the primary is the real D1. */
import { env } from 'cloudflare:workers'

/** @param account null for a replica that does not know the account yet */
export async function staleReplica(account: string | null): Promise<D1Database> {
  const { results, meta } = await env.DB.prepare('SELECT * FROM accounts WHERE id = ?1').bind(account).run()
  const read = async () => ({ success: true, results, meta: { ...meta, served_by_primary: false } })
  const replica = { prepare: () => ({ bind: () => ({ run: read }) }) }
  return new Proxy(env.DB, {
    get(db, name) {
      if (name === 'withSession')
        return (from: string) => (from === 'first-primary' ? db.withSession(from) : replica)
      const member: unknown = Reflect.get(db, name)
      return typeof member === 'function' ? member.bind(db) : member
    },
  })
}
