/** The state of one isolate: settings are read and checked once, and the app is built once. */
import { maintain } from './actions/admin/maintain.ts'
import { createApp, createMisconfiguredApp } from './app.ts'
import type { Env } from './config/env.ts'
import { readConfig } from './config/read-config.ts'
import { log } from './runtime/log.ts'
import { type Services, shareServices } from './services.ts'

interface Isolate {
  readonly app: ReturnType<typeof createApp>
  /** Does one cron run. */
  readonly maintain: (ctx: ExecutionContext) => Promise<void>
  /** The services for one RPC; null if the deployment is misconfigured. */
  readonly services: (ctx: ExecutionContext) => Services | null
}

const isolates = new WeakMap<Env, Isolate>()

export function isolateFor(env: Env): Isolate {
  const isolate = isolates.get(env) ?? build(env)
  isolates.set(env, isolate)
  return isolate
}

function build(env: Env): Isolate {
  const result = readConfig(env)
  if (!result.ok) {
    const { problems } = result
    return {
      app: createMisconfiguredApp(result),
      maintain: async () => log('error', 'misconfigured', { problems }),
      services: () => {
        log('error', 'misconfigured', { problems })
        return null
      },
    }
  }
  const shared = shareServices(env, result.config)
  const services = (ctx: ExecutionContext): Services => ({
    ...shared,
    nowMs: Date.now(),
    requestId: undefined,
    reportLimit: () => undefined,
    addToRequestLog: () => undefined,
    waitUntil: (work) => ctx.waitUntil(work),
  })
  return {
    app: createApp(result.config, shared),
    maintain: (ctx) => maintain(services(ctx)),
    services,
  }
}
