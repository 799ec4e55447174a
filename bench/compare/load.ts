/**
 * Load over keep-alive connections to this machine: one request at a time on each. Written on bare sockets, so that it costs
 * less than what it measures; HTTP clients of Node.js cost more.
 */
import { connect } from 'node:net'

export interface Load {
  /** On loopback. */
  readonly port: number
  /** What every answer must have. */
  readonly status: number
  /**
   * Makes a connection's next request, whole.
   * @param connection 0 to `concurrency - 1`
   * @param answered the body that it was answered with before, '' at first
   * @returns '', after an answer, where the connection is to send no more
   */
  readonly next: (connection: number, answered: string) => string
}

/** @returns answers for each second. @throws where one has another status than expected */
export async function measure(load: Load, concurrency: number, durationMs: number): Promise<number> {
  const connections = Array.from({ length: concurrency }, (_, connection) =>
    send(load, connection, durationMs),
  )
  const counts = await Promise.all(connections)
  return counts.reduce((sum, perSecond) => sum + perSecond, 0)
}

/** Sends each connection's first request alone, so that what it needs is there. */
export async function warmUp(load: Load, concurrency: number): Promise<void> {
  for (let connection = 0; connection < concurrency; connection++) await send(load, connection, 0)
}

/** Sends so many requests and no more. */
export async function sendExactly(count: number, load: Load, connections: number): Promise<void> {
  let left = count
  const next: Load['next'] = (connection, answered) => {
    left -= 1
    return left < 0 ? '' : load.next(connection, answered)
  }
  await measure({ ...load, next }, Math.min(connections, count), Number.POSITIVE_INFINITY)
}

/** @returns one connection's answers for each second, timed from its first request to its last answer */
function send({ port, status, next }: Load, connection: number, durationMs: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let count = 0
  let startedAtMs = 0
  const answers = new Answers((answer) => {
    if (answer.status !== status)
      return stop(new Error(`${answer.status} in place of ${status}: ${answer.body}`))
    count += 1
    const elapsedMs = performance.now() - startedAtMs
    // Asked for in any case: what the answer brings may be needed later.
    const following = next(connection, answer.body)
    if (following === '' || elapsedMs >= durationMs) return stop(null, (count / elapsedMs) * 1000)
    socket.write(following, 'latin1')
  })
  const stop = (fault: Error | null, perSecond = 0) => {
    socket.destroy()
    if (fault === null) resolve(perSecond)
    else reject(fault)
  }
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`port ${port} hung up`)))
  socket.on('data', (chunk) => answers.take(chunk))
  socket.on('connect', () => {
    startedAtMs = performance.now()
    socket.write(next(connection, ''), 'latin1')
  })
  return promise
}

interface Answer {
  readonly status: number
  readonly body: string
}

const END_OF_HEADERS = '\r\n\r\n'
const LAST_CHUNK = '\r\n0\r\n\r\n'

/** Takes one connection's bytes apart: RFC 9112, as far as workerd speaks it. */
class Answers {
  readonly #each: (answer: Answer) => void
  #text = ''

  constructor(each: (answer: Answer) => void) {
    this.#each = each
  }

  take(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    const headersEnd = this.#text.indexOf(END_OF_HEADERS)
    if (headersEnd === -1) return
    const headers = this.#text.slice(0, headersEnd)
    const body = this.#text.slice(headersEnd + END_OF_HEADERS.length)
    if (!isWhole(headers, body)) return
    this.#text = ''
    this.#each({ status: Number(headers.slice(9, 12)), body })
  }
}

function isWhole(headers: string, body: string): boolean {
  const length = /\r\ncontent-length: (\d+)/i.exec(headers)?.[1]
  if (length !== undefined) return body.length === Number(length)
  return !/\r\ntransfer-encoding: chunked/i.test(headers) || `\r\n${body}`.endsWith(LAST_CHUNK)
}

/** @returns a request as it goes over the wire, with the address of a client as Cloudflare would say it */
export function request(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: object | URLSearchParams,
): string {
  const [type, text] = encode(body)
  const fields = {
    Host: 'auth.example.com',
    Origin: 'https://auth.example.com',
    'CF-Connecting-IP': '10.0.0.1',
    ...(text !== '' && { 'Content-Type': type, 'Content-Length': String(text.length) }),
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`
}

function encode(body: object | undefined): readonly [type: string, text: string] {
  if (body === undefined) return ['', '']
  if (body instanceof URLSearchParams) return ['application/x-www-form-urlencoded', body.toString()]
  return ['application/json', JSON.stringify(body)]
}
