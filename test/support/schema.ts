/** Applies the schema to the databases of each test file. */
import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

await applyD1Migrations(env.DB, env.SCHEMA)
await applyD1Migrations(env.REPLICA, env.SCHEMA)
