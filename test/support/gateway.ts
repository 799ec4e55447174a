/** A gateway in front of the raw origin, and what that got. */
import { env } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'
import { type Fetch, workerWith } from './client.ts'

export const ORIGIN = env.RAW_ORIGIN_URL
export const AUDIENCE = 'https://orders.example'

export interface Arrived {
  readonly method: string
  readonly target: string
  /** Each header line's name, lower case, and value, in their order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** What the origin got, byte for byte. */
export async function arrived(response: Promise<Response>): Promise<Arrived> {
  const answer = await response
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`)
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [method = '', target = ''] = first.split(' ')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { method, target, headers, body: text.slice(end + 4) }
}

export const valuesOf = ({ headers }: Arrived, name: string) =>
  headers.filter(([found]) => found === name).map(([, value]) => value)

/** The Bearer token that the origin got; undefined for none. */
export function bearerOf(came: Arrived): string | undefined {
  return valuesOf(came, 'authorization')[0]?.replace('Bearer ', '')
}

export function gate(route: object = {}, changes: Partial<Env> = {}): Fetch {
  return workerWith({ GATEWAY: { '/api': { origin: ORIGIN, audience: AUDIENCE, ...route } }, ...changes })
}
