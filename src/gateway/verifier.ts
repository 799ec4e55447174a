/** Verifies Bearer tokens for other Workers over a service binding, without HTTP. */
import { WorkerEntrypoint } from 'cloudflare:workers'
import * as z from 'zod/mini'
import type { RequestContext } from '../actions/request-context.ts'
import { authorizeToken } from '../actions/session/authorize.ts'
import type { Env } from '../config/env.ts'
import { ERRORS, type ErrorCode } from '../errors/codes.ts'
import { ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { readBearer } from '../verify/bearer.ts'

export interface VerifierOptions {
  /** The required `aud` of the token. Default, and the only accepted value: the service's own audience. */
  readonly audience?: string
  /** All of them are required. */
  readonly roles?: readonly string[]
  /** All of them are required. */
  readonly scope?: readonly string[]
  /** `check` looks the session up, so that a logout takes effect at once. Default: `trust`. */
  readonly session?: 'trust' | 'check'
}

export type VerifierResult =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  /** `code` and `status` are those of the HTTP API. */
  | { readonly ok: false; readonly code: ErrorCode; readonly status: number }

/** The RPC interface of the binding. */
export interface VerifierBinding {
  /**
   * @param authorization the Authorization header as it was received, or null if it was not sent
   * @throws {TypeError} for unknown options, so that a misspelt one never requires less
   */
  verify(authorization: string | null, options?: VerifierOptions): Promise<VerifierResult>
}

/** @param contextOf returns null if the deployment is misconfigured */
export function verifierOver(contextOf: (env: Env, execution: ExecutionContext) => RequestContext | null) {
  return class extends WorkerEntrypoint<Env> implements VerifierBinding {
    async verify(authorization: string | null, options: VerifierOptions = {}): Promise<VerifierResult> {
      const requirement = readOptions(options)
      const ctx = contextOf(this.env, this.ctx)
      if (ctx === null) return refusal('misconfigured')
      try {
        return { ok: true, claims: await verify(ctx, authorization, requirement) }
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error
        if (error.cause !== undefined) log('error', error.code, { error: describeError(error.cause) })
        return refusal(error.code)
      }
    }
  }
}

const optionsShape = z.strictObject({
  audience: z.optional(z.string()),
  roles: z._default(z.array(z.string()), []),
  scope: z._default(z.array(z.string()), []),
  session: z._default(z.enum(['trust', 'check']), 'trust'),
})
type Options = z.infer<typeof optionsShape>

function readOptions(options: VerifierOptions): Options {
  const { data, error } = optionsShape.safeParse(options)
  if (data === undefined) throw new TypeError(`verify: ${z.prettifyError(error)}`)
  return data
}

async function verify(
  ctx: RequestContext,
  authorization: string | null,
  { audience, roles, scope, session }: Options,
): Promise<AccessTokenClaims> {
  const token = readBearer(authorization)
  const isOwnAudience = audience === undefined || audience === ctx.services.config.tokens.audience
  if (token === null || !isOwnAudience) throw new ServiceError('invalid_token')
  const identity = await authorizeToken(ctx, token, { roles, scope, session })
  return { ...identity.claims, roles: identity.roles, scope: identity.scope.join(' ') }
}

function refusal(code: ErrorCode): VerifierResult {
  return { ok: false, code, status: ERRORS[code].status }
}
