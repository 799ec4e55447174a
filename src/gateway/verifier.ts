/** For other Workers, over a service binding: what a Bearer token says, without HTTP. */
import { WorkerEntrypoint } from 'cloudflare:workers'
import { z } from 'zod'
import { authorizeToken } from '../actions/session/authorize.ts'
import type { Env } from '../config/env.ts'
import { ERRORS, type ErrorCode, ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import type { Services } from '../services.ts'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { readBearer } from '../verify/bearer.ts'

export interface VerifierOptions {
  /** `aud` of the token; the service's own tokens all have one. Default: that one. */
  readonly audience?: string
  /** All of them are needed. */
  readonly roles?: readonly string[]
  /** All of them are needed. */
  readonly scope?: readonly string[]
  /** `check` looks the session up, so that a log out is in force at once. Default: `trust`. */
  readonly session?: 'trust' | 'check'
}

export type VerifierResult =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  /** `code` and `status` as the service's HTTP calls answer. */
  | { readonly ok: false; readonly code: ErrorCode; readonly status: number }

/** What the binding offers. */
export interface VerifierBinding {
  /**
   * @param authorization the header as it came, or null where none did
   * @throws {TypeError} for options that are none: a misspelt one must not ask for less
   */
  verify(authorization: string | null, options?: VerifierOptions): Promise<VerifierResult>
}

/** @param servicesOf null where the deployment is misconfigured */
export function verifierOver(servicesOf: (env: Env, ctx: ExecutionContext) => Services | null) {
  return class extends WorkerEntrypoint<Env> implements VerifierBinding {
    async verify(authorization: string | null, options: VerifierOptions = {}): Promise<VerifierResult> {
      const asked = readOptions(options)
      const services = servicesOf(this.env, this.ctx)
      if (services === null) return refusal('misconfigured')
      try {
        return { ok: true, claims: await verify(services, authorization, asked) }
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error
        if (error.cause !== undefined) log('error', error.code, { error: describeError(error.cause) })
        return refusal(error.code)
      }
    }
  }
}

const optionsShape = z.strictObject({
  audience: z.string().optional(),
  roles: z.array(z.string()).default([]),
  scope: z.array(z.string()).default([]),
  session: z.enum(['trust', 'check']).default('trust'),
})
type Options = z.infer<typeof optionsShape>

function readOptions(options: VerifierOptions): Options {
  const { data, error } = optionsShape.safeParse(options)
  if (data === undefined) throw new TypeError(`verify: ${z.prettifyError(error)}`)
  return data
}

async function verify(
  services: Services,
  authorization: string | null,
  { audience, roles, scope, session }: Options,
): Promise<AccessTokenClaims> {
  const token = readBearer(authorization)
  const ours = audience === undefined || audience === services.config.tokens.audience
  if (token === null || !ours) throw new ServiceError('invalid_token')
  const identity = await authorizeToken(services, token, { roles, scope, session })
  return { ...identity.claims, roles: identity.roles, scope: identity.scope.join(' ') }
}

function refusal(code: ErrorCode): VerifierResult {
  return { ok: false, code, status: ERRORS[code].status }
}
