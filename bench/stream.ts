/**
 * `npm run bench:stream`: starts a service on this machine, sends 1 GiB through the gateway in each direction, and prints the
 * throughput and the memory of workerd. Linux only: it reads /proc.
 */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { freePort, Project } from '../test/dev/project.ts'
import { residentMiB } from './workerd.ts'

const GIB = 2 ** 30
const CHUNK = Buffer.alloc(64 * 1024, 'x')
const SAMPLE_MS = 100

/** A GET returns as many bytes as the path says; a POST returns the number of bytes it received. */
const origin = createServer(async (request, response) => {
  const bytes = Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 0)
  if (request.method === 'GET') return void Readable.from(chunks(bytes)).pipe(response)
  let received = 0
  for await (const chunk of request) received += chunk.length
  response.end(String(received))
})
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
const address = origin.address()
if (address === null || typeof address === 'string') throw new Error('the origin has no port')

const project = new Project()
const port = await freePort()
const gateway = { '/api': { origin: `http://127.0.0.1:${address.port}`, required: false } }
writeFileSync(project.path('.dev.vars'), `GATEWAY=${JSON.stringify(gateway)}\n`)
await project.dev(port).says('Gatehouse serves')
try {
  const url = `http://localhost:${port}/api/`
  await measure('down', async () => {
    let received = 0
    for await (const chunk of (await fetch(`${url}${GIB}`)).body ?? []) received += chunk.length
    return received
  })
  await measure('up', async () => {
    const body = Readable.toWeb(Readable.from(chunks(GIB))) as ReadableStream
    const response = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
    return Number(await response.text())
  })
} finally {
  await project.stop()
  project.remove()
  origin.close()
}

function* chunks(bytes: number) {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length))
}

/** @param stream resolves to the number of bytes that arrived */
async function measure(direction: string, stream: () => Promise<number>): Promise<void> {
  const before = residentMiB()
  let most = before
  const sampling = setInterval(() => {
    most = Math.max(most, residentMiB())
  }, SAMPLE_MS)
  const startedAtMs = performance.now()
  const bytes = await stream()
  const seconds = (performance.now() - startedAtMs) / 1000
  clearInterval(sampling)
  if (bytes !== GIB) throw new Error(`${direction}: ${bytes} of ${GIB} bytes arrived`)
  const memory = `workerd ${before.toFixed(0)} MiB before, at most ${most.toFixed(0)} MiB`
  console.log(`1 GiB ${direction.padEnd(4)}  ${(1024 / seconds).toFixed(0)} MiB/s, ${memory}`)
}
