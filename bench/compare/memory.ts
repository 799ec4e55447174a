/** Measures the JavaScript heap of each Worker's isolate, after some calls and a garbage collection. */
import { callsOf } from './calls.ts'
import { sendExactly } from './load.ts'
import { get } from './pair.ts'
import { Seeds } from './seeds.ts'
import { type Bundles, startAll, type WorkerName } from './stage.ts'

/** How often each call is sent before. */
export const CALLS = 10

export interface Memory {
  readonly name: string
  readonly heapBytes: number
}

const SUBJECTS: readonly (readonly [name: string, worker: WorkerName])[] = [
  ['bare Hono', 'floor'],
  ['Gatehouse', 'gatehouse'],
  ['Better Auth', 'peer'],
]

export async function measureMemory(bundles: Bundles): Promise<readonly Memory[]> {
  const stage = await startAll(bundles, { inspectorPort: 0 })
  const sides = { ours: 'gatehouse', peer: 'peer', peerOauth: 'peer-oauth' } as const
  const calls = await callsOf(stage, new Seeds(stage), sides)
  const floor = { port: stage.port('floor'), status: 200, next: () => get('/hello') }
  const loads = calls.flatMap(({ ours, theirs }) => [ours, ...(theirs === undefined ? [] : [theirs.load])])
  for (const load of [...loads, floor]) await sendExactly(CALLS, load, 1)
  const inspectors = await stage.inspectors()
  const measured: Memory[] = []
  for (const [name, worker] of SUBJECTS) {
    const url = new URL(`/core:user:${worker}`, inspectors)
    measured.push({ name, heapBytes: await heapBytes(url) })
  }
  await stage.stop()
  return measured
}

/** @param inspector the address of an isolate's inspector. @returns the bytes of the live objects */
async function heapBytes(inspector: URL): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const methods = ['HeapProfiler.collectGarbage', 'Runtime.getHeapUsage']
  const socket = new WebSocket(inspector)
  socket.onopen = () => {
    for (const [id, method] of methods.entries()) socket.send(JSON.stringify({ id, method }))
  }
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data)
    if (id === methods.length - 1) resolve(result.usedSize)
  }
  socket.onerror = () => reject(new Error(`the inspector ${inspector} failed`))
  return promise.finally(() => socket.close())
}
