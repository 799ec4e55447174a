/** The service as one isolate runs it: settings read and checked once, the app built once. */
import type { Hono } from 'hono'
import { maintain } from './actions/maintain.ts'
import { createApp, createMisconfiguredApp } from './app.ts'
import type { Env } from './config/env.ts'
import { readConfig } from './config/read-config.ts'
import type { AppEnv } from './http/context.ts'
import { log } from './log.ts'
import { shareServices } from './services.ts'

interface Service {
  readonly app: Hono<AppEnv>
  /** One cron run. */
  readonly maintain: (ctx: ExecutionContext) => Promise<void>
}

const services = new WeakMap<Env, Service>()

export function serviceFor(env: Env): Service {
  const service = services.get(env) ?? build(env)
  services.set(env, service)
  return service
}

function build(env: Env): Service {
  const result = readConfig(env)
  if (!result.ok) {
    const { problems } = result
    return {
      app: createMisconfiguredApp(problems),
      maintain: async () => log('error', 'misconfigured', { problems }),
    }
  }
  const shared = shareServices(env, result.config)
  return {
    app: createApp(result.config, shared),
    maintain: (ctx) => maintain({ ...shared, nowMs: Date.now(), waitUntil: (work) => ctx.waitUntil(work) }),
  }
}
