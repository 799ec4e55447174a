/** The Worker's entry point. */
import type { Env } from './config/env.ts'
import { verifierOver } from './gateway/verifier.ts'
import { isolateFor } from './isolate.ts'

export { AttemptCounter } from './limits/attempt-counter.ts'
export { AccountObject } from './sessions/account-object.ts'

/** Called by other Workers through a service binding with `entrypoint = "Verifier"`. */
export const Verifier = verifierOver((env, execution) => isolateFor(env).rpcContext(execution))

export default {
  fetch: (request, env, ctx) => isolateFor(env).app.fetch(request, env, ctx),
  scheduled: ({ cron }, env, ctx) => isolateFor(env).maintain(ctx, cron),
} satisfies ExportedHandler<Env>
