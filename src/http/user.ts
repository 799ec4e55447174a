/** A user as answers show one. */
import { z } from '@hono/zod-openapi'
import type { AccountFacts } from '../accounts/account.ts'
import { toDateTime } from './date-time.ts'

export const uuid = z.string().openapi({ format: 'uuid' })
export const dateTime = z.string().openapi({ format: 'date-time', example: '2026-11-24T09:30:00Z' })

export const userAnswer = z
  .object({
    id: uuid,
    username: z.string().nullable(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
    phone: z.string().nullable(),
    phone_verified: z.boolean(),
    created_at: dateTime,
    updated_at: dateTime,
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    claims: z.record(z.string(), z.unknown()),
  })
  .openapi('User')

export function toUser(facts: AccountFacts): z.infer<typeof userAnswer> {
  return {
    id: facts.id,
    username: facts.username,
    email: facts.email,
    email_verified: facts.emailVerified,
    phone: facts.phone,
    phone_verified: facts.phoneVerified,
    created_at: toDateTime(facts.createdAt * 1000),
    updated_at: toDateTime(facts.updatedAt * 1000),
    roles: [...facts.roles],
    scopes: [...facts.scopes],
    claims: { ...facts.claims },
  }
}
