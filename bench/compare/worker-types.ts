/** What the benchmark gives to its Workers. */
import type { JWK, JWTHeaderParameters, JWTPayload } from 'jose'

/** Password hashes that replace the default one of either side. */
export type HashName = 'none' | 'scrypt' | 'pbkdf2'

/** A response of Gatehouse that the fair floor sends, too. */
export interface SampleResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Field = readonly [name: string, value: string]

export interface Samples {
  readonly verify: SampleResponse
  readonly jwks: SampleResponse
  readonly me: SampleResponse
  readonly refresh: SampleResponse
  readonly blocked: SampleResponse
  readonly gateway: {
    /** The headers that the gateway sets in the request to the origin, and the names of those that it removes. */
    readonly set: readonly Field[]
    readonly removed: readonly string[]
    readonly response: SampleResponse
  }
  /** The body of a refresh, and the header and the claims of its access token. */
  readonly tokens: object
  readonly header: JWTHeaderParameters
  readonly claims: JWTPayload
  /** Verifies the access tokens of the samples. */
  readonly verificationKey: JWK
}
