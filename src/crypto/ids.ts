/** Ids: UUIDv7 (RFC 9562 section 5.7), as text on the wire and as 16 bytes inside tokens. */
import { parse, stringify, v7, validate } from 'uuid'
import type { Bytes } from './bytes.ts'

export const UUID_BYTES = 16

/** @param nowMs unix time in milliseconds, with which the id begins */
export function newId(nowMs: number): string {
  return v7({ msecs: nowMs })
}

/** @param id a well-formed UUID */
export function idToBytes(id: string): Bytes {
  return new Uint8Array(parse(id))
}

export function idFromBytes(bytes: Bytes): string | null {
  const id = stringifyOrNull(bytes)
  return id !== null && validate(id) ? id : null
}

export function isId(text: string): boolean {
  return validate(text)
}

function stringifyOrNull(bytes: Bytes): string | null {
  try {
    return stringify(bytes)
  } catch {
    return null
  }
}
