/** The representations of problems (RFC 9457), challenges and times in responses. */
import { z } from '@hono/zod-openapi'
import { CHALLENGE_ACTIONS } from '../challenge/challenge.ts'
import { ERRORS, type ErrorCode } from '../errors/codes.ts'

export const challengeSchema = z
  .object({
    provider: z.enum(['altcha', 'turnstile', 'hcaptcha']),
    action: z.enum(CHALLENGE_ACTIONS),
    site_key: z.string().optional(),
    parameters: z
      .looseObject({})
      .optional()
      .openapi({ description: 'For "altcha": the ALTCHA v2 challenge, as its widget takes it.' }),
  })
  .openapi('Challenge')

export const problemSchema = z
  .object({
    type: z.string().openapi({ format: 'uri' }),
    title: z.string(),
    status: z.number().openapi({ type: 'integer' }),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    field: z.string().optional(),
    errors: z
      .array(
        z.object({
          field: z.string(),
          message: z.string(),
          reasons: z.array(z.string()).optional().openapi({
            description: 'Why a password is too weak, listed with the other problems of the request.',
          }),
        }),
      )
      .optional(),
    reasons: z.array(z.string()).optional(),
    max_age: z.number().openapi({ type: 'integer' }).optional(),
    missing: z
      .object({ roles: z.array(z.string()), scope: z.array(z.string()) })
      .optional()
      .openapi({
        description: 'For "insufficient_scope": the required roles and scopes that the token lacks.',
      }),
    retry_after: z
      .number()
      .optional()
      .openapi({ type: 'integer', description: 'Seconds, as in the header Retry-After.' }),
    challenge: challengeSchema.optional(),
    registered: z.literal(true).optional(),
    changed: z.literal(true).optional(),
  })
  .openapi('Problem')

/** RFC 3339 in UTC, whole seconds. */
export function toDateTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`
}
