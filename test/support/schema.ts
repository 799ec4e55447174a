/** Test files share a workerd. Each begins with empty databases, no objects, and modules that hold nothing. */
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'

const TABLES = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'`

/** `reset` empties no D1. */
async function recreate(db: D1Database): Promise<void> {
  const { results } = await db.prepare(TABLES).run<{ name: string }>()
  const drops = results.map(({ name }) => db.prepare(`DROP TABLE "${name}"`))
  if (drops.length > 0) await db.batch([db.prepare('PRAGMA defer_foreign_keys = true'), ...drops])
  await applyD1Migrations(db, env.SCHEMA)
}

vi.useRealTimers()
vi.resetModules()
await reset()
await recreate(env.DB)
await recreate(env.REPLICA)
