/**
 * The peer: Better Auth on Hono and D1, with email and password, its bearer and jwt plugins, and without its rate limiter. It is
 * created as its documentation says, once per isolate.
 */

import { env } from 'cloudflare:workers'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { bearer, jwt } from 'better-auth/plugins'
import { Hono } from 'hono'
import type { HashName } from '../worker-types.ts'
import { HASHES } from './hashes.ts'

interface Env {
  readonly DB: D1Database
  readonly SECRET: string
  /** Empty: the peer's default hash. */
  readonly HASH: HashName | ''
  /** Whether it is an OAuth provider too. Only that has refresh tokens. */
  readonly OAUTH: boolean
}

const { DB, ...settings } = env as unknown as Env
const BASE_URL = 'https://auth.example.com'
const provider = oauthProvider({ loginPage: '/login', consentPage: '/consent' })

/** The peer as one isolate creates it. */
export function createPeer(database: D1Database) {
  const { SECRET, HASH, OAUTH } = settings
  const auth = betterAuth({
    baseURL: BASE_URL,
    secret: SECRET,
    database,
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    emailAndPassword: { enabled: true, ...(HASH !== '' && { password: HASHES[HASH] }) },
    plugins: [bearer(), jwt({ disableSettingJwtHeader: OAUTH }), ...(OAUTH ? [provider] : [])],
  })
  const app = new Hono()
  app.post('/setup', async (c) => {
    const { runMigrations } = await getMigrations(auth.options)
    await runMigrations()
    return c.body(null, 204)
  })
  app.on(['GET', 'POST'], '/api/auth/*', (c) => auth.handler(c.req.raw))
  return app
}

export default createPeer(DB)
