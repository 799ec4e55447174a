/** A user as answers show one. */
import { z } from '@hono/zod-openapi'
import type { AccountProfile } from '../accounts/account.ts'
import { toDateTime } from './date-time.ts'

export const uuid = z.string().openapi({ format: 'uuid' })
export const dateTime = z.string().openapi({ format: 'date-time', example: '2026-11-24T09:30:00Z' })

export const userResponse = z
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

export function toUser(profile: AccountProfile): z.infer<typeof userResponse> {
  return {
    id: profile.id,
    username: profile.username,
    email: profile.email,
    email_verified: profile.emailVerified,
    phone: profile.phone,
    phone_verified: profile.phoneVerified,
    created_at: toDateTime(profile.createdAt * 1000),
    updated_at: toDateTime(profile.updatedAt * 1000),
    roles: [...profile.roles],
    scopes: [...profile.scopes],
    claims: { ...profile.claims },
  }
}
