/** JSON responses of the HTTP API that several tests read. */
import type { z } from '@hono/zod-openapi'
import type { JWK } from 'jose'
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

/** `GET /.well-known/jwks.json` */
export interface KeySet {
  readonly keys: readonly (JWK & { readonly kid: string })[]
}

export interface OpenApiOperation {
  readonly responses: Readonly<Record<string, unknown>>
  readonly security?: readonly object[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>
  }
}

/** `GET /openapi.json` */
export interface OpenApiDocument {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>
  }
}
/** Types of responses that several tests read, and what they read from them. */
import { decodeJwt } from 'jose'
import type { z } from 'zod'
import type { sessionsAnswer } from '../../src/routes/schemas.ts'
import type { Tokens } from './client.ts'

/** The body of `GET /auth/sessions`. */
export type SessionList = z.infer<typeof sessionsAnswer>

/** The id of the session of an access token. */
export const sessionIdOf = ({ access_token }: Pick<Tokens, 'access_token'>) =>
  String(decodeJwt(access_token).sid)
