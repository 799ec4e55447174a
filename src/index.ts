/** The Worker's entry. */
import type { Env } from './config/env.ts'
import { isolateFor } from './isolate.ts'

export { AttemptCounter } from './limits/attempt-counter.ts'
export { AccountObject } from './sessions/account-object.ts'

export default {
  fetch: (request, env, ctx) => isolateFor(env).app.fetch(request, env, ctx),
  scheduled: (_controller, env, ctx) => isolateFor(env).maintain(ctx),
} satisfies ExportedHandler<Env>
