/** A gateway in front of the raw origin, and the requests that the origin received. */
import { env } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'
import { type Fetch, workerWith } from './client.ts'

export const ORIGIN = env.RAW_ORIGIN_URL
export const AUDIENCE = 'https://orders.example'

export interface OriginRequest {
  readonly method: string
  readonly target: string
  /** The name, in lower case, and the value of each header line, in order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** The request that the origin received, which its response repeats byte for byte. */
export async function requestAtOrigin(response: Promise<Response>): Promise<OriginRequest> {
  const received = await response
  const text = await received.text()
  if (received.status !== 200) throw new Error(`${received.status}: ${text}`)
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [method = '', target = ''] = first.split(' ')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { method, target, headers, body: text.slice(end + 4) }
}

export const valuesOf = ({ headers }: OriginRequest, name: string) =>
  headers.filter(([found]) => found === name).map(([, value]) => value)

/** The bearer token that the origin received; undefined if there was none. */
export function bearerOf(request: OriginRequest): string | undefined {
  return valuesOf(request, 'authorization')[0]?.replace('Bearer ', '')
}

export function workerWithGateway(route: object = {}, changes: Partial<Env> = {}): Fetch {
  return workerWith({ GATEWAY: { '/api': { origin: ORIGIN, audience: AUDIENCE, ...route } }, ...changes })
}
