/** Responses of the HTTP API, as JSON, that are read in several test files. */
import type { User } from './client.ts'

export type ManagedUser = User & { readonly disabled: boolean }
