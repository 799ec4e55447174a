/** Counts the round trips in a row of each call: those to D1 and to objects that wait for each other before the response. */
import { callsOf } from './calls.ts'
import { exchange, type Load } from './load.ts'
import { Seeds } from './seeds.ts'
import type { Stage } from './stage.ts'

export interface Hops {
  readonly warm: number
  /** In the first request of an isolate. */
  readonly cold: number
}

export interface CallHops {
  readonly call: string
  readonly ours: Hops
  readonly theirs?: { readonly call: string; readonly hops: Hops }
}

/** The Workers delay each round trip, and count those that do not overlap. */
export async function countHops(stage: Stage): Promise<readonly CallHops[]> {
  const sides = { ours: 'gatehouse-hops', peer: 'peer-hops', peerOauth: 'peer-oauth-hops' } as const
  const counted: CallHops[] = []
  for (const { name: call, ours, theirs } of await callsOf(stage, new Seeds(stage), sides)) {
    counted.push({
      call,
      ours: await hopsOf(ours),
      ...(theirs !== undefined && { theirs: { call: theirs.name, hops: await hopsOf(theirs.load) } }),
    })
  }
  return counted
}

async function hopsOf({ port, status, next }: Load): Promise<Hops> {
  let body = ''
  const send = async (header: string): Promise<number> => {
    const response = await exchange(port, next(0, body).replace('\r\n', `\r\n${header}`))
    if (response.status !== status)
      throw new Error(`status ${response.status} instead of ${status}: ${response.body}`)
    body = response.body
    return Number(/\r\nx-hops: (\d+)/i.exec(response.head)?.[1])
  }
  await send('')
  const warm = await send('')
  return { warm, cold: await send('X-New-Isolate: 1\r\n') }
}
