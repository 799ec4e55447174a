/** The HTTP API: its routes in order. The OpenAPI document is made of their operations. */
import type { AccountsConfig } from './config/accounts.ts'
import type { Route } from './http/route.ts'
import { accountRoutes } from './routes/account.ts'
import { CLIENT_ROUTES } from './routes/admin/clients.ts'
import { KEY_ROUTES } from './routes/admin/keys.ts'
import { limitsRoutes } from './routes/admin/limits.ts'
import { USER_ROUTES } from './routes/admin/users.ts'
import { CHALLENGE_ROUTE } from './routes/challenge.ts'
import { OAUTH_ROUTES } from './routes/oauth/tokens.ts'
import { HEALTH_ROUTE, keySetRoute } from './routes/service.ts'
import { SESSION_ROUTES } from './routes/sessions.ts'

/** Forward auth is not among them: it accepts any method, and any path below its own. */
export function apiRoutes(accounts: Pick<AccountsConfig, 'defaultPhoneRegion'>): readonly Route[] {
  return [
    ...accountRoutes(accounts),
    ...SESSION_ROUTES,
    CHALLENGE_ROUTE,
    ...limitsRoutes(accounts),
    ...KEY_ROUTES,
    ...USER_ROUTES,
    ...CLIENT_ROUTES,
    ...OAUTH_ROUTES,
    keySetRoute(),
    HEALTH_ROUTE,
  ]
}
