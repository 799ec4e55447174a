/** The Worker's entry. */
import type { Env } from './config/env.ts'
import { serviceFor } from './service.ts'

export { AccountObject } from './sessions/account-object.ts'

export default {
  fetch: (request, env, ctx) => serviceFor(env).app.fetch(request, env, ctx),
  scheduled: (_controller, env, ctx) => serviceFor(env).maintain(ctx),
} satisfies ExportedHandler<Env>
