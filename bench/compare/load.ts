/**
 * Generates load over keep-alive connections to this machine, with one request at a time on each. It uses plain sockets so that it
 * takes less CPU than the Worker that it measures; the HTTP clients of Node.js take more.
 */
import { connect } from 'node:net'

export interface Load {
  /** On the loopback address. */
  readonly port: number
  /** The expected status of every response. */
  readonly status: number
  /**
   * Creates the next request of a connection.
   * @param connection 0 to `concurrency - 1`
   * @param previousBody the body of the previous response, '' for the first request
   * @returns the complete request; after the first response '' ends the connection
   */
  readonly next: (connection: number, previousBody: string) => string
}

/** @returns responses per second. @throws if a response has an unexpected status */
export async function measure(load: Load, concurrency: number, durationMs: number): Promise<number> {
  const connections = Array.from({ length: concurrency }, (_, connection) =>
    send(load, connection, durationMs),
  )
  const counts = await Promise.all(connections)
  return counts.reduce((sum, perSecond) => sum + perSecond, 0)
}

/** Sends the first request of each connection, one after the other, so that everything the load needs exists. */
export async function warmUp(load: Load, concurrency: number): Promise<void> {
  for (let connection = 0; connection < concurrency; connection++) await send(load, connection, 0)
}

/** Sends exactly `count` requests. */
export async function sendExactly(count: number, load: Load, connections: number): Promise<void> {
  let left = count
  const next: Load['next'] = (connection, previousBody) => {
    left -= 1
    return left < 0 ? '' : load.next(connection, previousBody)
  }
  await measure({ ...load, next }, Math.min(connections, count), Number.POSITIVE_INFINITY)
}

/** @returns one connection's responses per second, timed from its first request to its last response */
function send({ port, status, next }: Load, connection: number, durationMs: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let count = 0
  let startedAtMs = 0
  const parser = new ResponseParser((response) => {
    if (response.status !== status)
      return stop(new Error(`status ${response.status} instead of ${status}: ${response.body}`))
    count += 1
    const elapsedMs = performance.now() - startedAtMs
    // Called even if it was the last response, because `next` may need the body later.
    const nextRequest = next(connection, response.body)
    if (nextRequest === '' || elapsedMs >= durationMs) return stop(null, (count / elapsedMs) * 1000)
    socket.write(nextRequest, 'latin1')
  })
  const stop = (error: Error | null, perSecond = 0) => {
    socket.destroy()
    if (error === null) resolve(perSecond)
    else reject(error)
  }
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`port ${port} closed the connection`)))
  socket.on('data', (chunk) => parser.add(chunk))
  socket.on('connect', () => {
    startedAtMs = performance.now()
    socket.write(next(connection, ''), 'latin1')
  })
  return promise
}

/** Sends one request. @throws if the connection fails */
export function exchange(port: number, request: string): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  const socket = connect({ port, host: '127.0.0.1' })
  const parser = new ResponseParser((response) => {
    socket.destroy()
    resolve(response)
  })
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`port ${port} closed the connection`)))
  socket.on('data', (chunk) => parser.add(chunk))
  socket.on('connect', () => socket.write(request, 'latin1'))
  return promise
}

export interface HttpResponse {
  readonly status: number
  /** The status line and the header fields. */
  readonly head: string
  readonly body: string
}

const END_OF_HEADERS = '\r\n\r\n'
const LAST_CHUNK = '\r\n0\r\n\r\n'

/** Parses the responses on one connection: the part of RFC 9112 that workerd uses. */
class ResponseParser {
  readonly #onResponse: (response: HttpResponse) => void
  #text = ''

  constructor(onResponse: (response: HttpResponse) => void) {
    this.#onResponse = onResponse
  }

  add(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    const headersEnd = this.#text.indexOf(END_OF_HEADERS)
    if (headersEnd === -1) return
    const headers = this.#text.slice(0, headersEnd)
    const body = this.#text.slice(headersEnd + END_OF_HEADERS.length)
    if (!isComplete(headers, body)) return
    this.#text = ''
    this.#onResponse({ status: Number(headers.slice(9, 12)), head: headers, body })
  }
}

function isComplete(headers: string, body: string): boolean {
  const length = /\r\ncontent-length: (\d+)/i.exec(headers)?.[1]
  if (length !== undefined) return body.length === Number(length)
  return !/\r\ntransfer-encoding: chunked/i.test(headers) || `\r\n${body}`.endsWith(LAST_CHUNK)
}

/** @returns a request as text, with the client's IP address in the header that Cloudflare sets */
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
