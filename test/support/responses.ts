/** JSON responses of the HTTP API, and what tests read from them. No module of the Worker is imported: tests on Node.js use them too. */
import { decodeJwt, type JWK } from 'jose'
import type { Challenge } from '../../src/challenge/challenge.ts'
import type { User } from '../../src/client/wire.ts'

export type { User }

export interface Tokens {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope: string
  readonly refresh_token: string
  readonly refresh_expires_in: number
  readonly user: User
}

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly field?: string
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
  readonly reasons?: readonly string[]
  readonly challenge?: Challenge
  readonly max_age?: number
  readonly missing?: { readonly roles: readonly string[]; readonly scope: readonly string[] }
  readonly retry_after?: number
  readonly registered?: boolean
  readonly changed?: boolean
}

export interface RegisteredClient {
  readonly client_id: string
  readonly client_name: string | null
  readonly client_secret: string
  readonly jwks: { readonly keys: readonly object[] }
  readonly audience: string
  readonly created_at: string
}

/** `GET /auth/sessions` */
export interface SessionList {
  readonly sessions: readonly {
    readonly id: string
    readonly created_at: string
    readonly last_used_at: string
    readonly expires_at: string
    readonly ip: string | null
    readonly user_agent: string | null
    readonly country: string | null
    readonly city: string | null
    readonly current: boolean
  }[]
}

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

/** What is read of a JSON Schema. */
export interface OpenApiSchema {
  readonly $ref?: string
  readonly allOf?: readonly OpenApiSchema[]
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, OpenApiSchema>>
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: OpenApiSchema }>> }>
  >
  readonly security?: readonly object[]
  readonly requestBody?: {
    readonly required: boolean
    readonly content: Readonly<Record<string, { readonly schema: OpenApiSchema; readonly example?: unknown }>>
  }
}

/** `GET /openapi.json` */
export interface OpenApiDocument {
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: {
    readonly examples: Readonly<Record<string, unknown>>
    readonly schemas: Readonly<Record<string, OpenApiSchema>>
  }
}

/** The id of the session of an access token. */
export const sessionIdOf = ({ access_token }: Pick<Tokens, 'access_token'>) =>
  String(decodeJwt(access_token).sid)
