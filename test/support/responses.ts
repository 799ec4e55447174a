/** JSON responses of the HTTP API that several tests read. */
import type { z } from '@hono/zod-openapi'
import type { sessionsResponse } from '../../src/routes/schemas.ts'
import type { User } from './client.ts'
import type { RegisteredClient } from './oauth.ts'

export type SessionList = z.infer<typeof sessionsResponse>

export type ManagedUser = User & { readonly disabled: boolean }

export interface ClientList {
  readonly clients: readonly Omit<RegisteredClient, 'client_secret'>[]
}

/** A signing key as operators see it. */
export interface ListedKey {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'signing' | 'retired'
  readonly created_at: string
  readonly signs_from: string
  readonly verifies_until: string | null
}

export interface KeyList {
  readonly keys: readonly ListedKey[]
}
