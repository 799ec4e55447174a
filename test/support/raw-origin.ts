/**
 * An origin behind the gateway, over TCP: it answers a request with the bytes that it received, so that a test sees what
 * the gateway sent. The end of the path selects another behaviour.
 */
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

const WEBSOCKET_KEY = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Starts an origin that does not keep the process alive. @returns its URL */
export async function startRawOrigin(): Promise<string> {
  const server = createServer((socket) => {
    let received = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (!isWhole(received)) return
      answer(socket, received)
      received = Buffer.alloc(0)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the origin has no port')
  return `http://127.0.0.1:${address.port}`
}

function isWhole(received: Buffer): boolean {
  const text = received.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = text.slice(0, end)
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1]
  if (length !== undefined) return received.length >= end + 4 + Number(length)
  return !/^transfer-encoding: *chunked$/im.test(head) || text.endsWith('0\r\n\r\n')
}

const respond = (socket: Socket, status: string, headers: readonly string[], body: Buffer | string = '') => {
  const head = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', '']
  socket.write(head.join('\r\n'))
  socket.write(body)
}

const BEHAVIOURS: Readonly<Record<string, (socket: Socket, received: Buffer) => void>> = {
  '/status-418': (socket) =>
    respond(socket, '418 Short And Stout', ['Content-Type: text/plain', 'X-Own: of the origin']),
  '/status-404': (socket) =>
    respond(socket, '404 Not Found', ['Cache-Control: public, max-age=60'], 'none here'),
  '/status-401': (socket) =>
    respond(socket, '401 Unauthorized', ['WWW-Authenticate: Basic realm="origin"'], 'of the origin'),
  '/status-500': (socket) => respond(socket, '500 Internal Server Error', [], 'of the origin'),
  '/no-content': (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
  '/redirect': (socket) => respond(socket, '302 Found', ['Location: https://elsewhere.example/x?y#z']),
  '/cookies': (socket) =>
    respond(socket, '200 OK', ['Set-Cookie: a=1', 'Set-Cookie: b=2', 'Connection: X-Hop', 'X-Hop: 1']),
  '/status-999': (socket) => respond(socket, '999 Odd', []),
  '/status-101': (socket) =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'),
  '/hostile': (socket) =>
    respond(socket, '200 OK', [
      'Set-Cookie: __Secure-gatehouse_refresh=forged; Path=/auth',
      'Set-Cookie: gatehouse_refresh=forged',
      'Set-Cookie: __Host-gatehouse_pages=forged; Path=/; Secure',
      'Set-Cookie: __host-Gatehouse_pages=forged; Path=/; Secure',
      'Set-Cookie: =gatehouse_pages=forged',
      'Set-Cookie: own=1',
      'Clear-Site-Data: "*"',
      'Service-Worker-Allowed: /',
      'NEL: {"report_to":"all","max_age":86400,"success_fraction":1}',
      'Report-To: {"group":"all","max_age":86400,"endpoints":[{"url":"https://evil.example"}]}',
      'Alt-Svc: h3="evil.example:443"',
      'Strict-Transport-Security: max-age=0',
      'Accept-CH: Sec-CH-UA-Model',
      'Set-Login: logged-out',
      'Secure-Session-Registration: (ES256);path="/api/session"',
      'Use-As-Dictionary: match="/*"',
    ]),
  '/exposes': (socket) =>
    respond(socket, '200 OK', ['Access-Control-Expose-Headers: X-Total, ETag, location']),
  '/exposes-to-all': (socket) =>
    respond(socket, '200 OK', ['Access-Control-Allow-Origin: *', 'Access-Control-Expose-Headers: X-Total']),
  '/policy': (socket) =>
    respond(socket, '200 OK', ["Content-Security-Policy: default-src 'self'", 'Content-Type: text/html']),
  '/gzip': (socket) => respond(socket, '200 OK', ['Content-Encoding: gzip'], gzipSync('plain text')),
  '/silent': () => undefined,
  '/hangs-up': (socket) => socket.destroy(),
  '/garbage': (socket) => void socket.end('this is no HTTP'),
  /** Server-sent events: the first event, on a connection that stays open. */
  '/events': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    socket.write('c\r\ndata: first\n\r\n')
  },
  '/websocket': (socket, received) => {
    const key = /^sec-websocket-key: *(\S+)$/im.exec(received.toString('latin1'))?.[1] ?? ''
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_KEY)
      .digest('base64')
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    const selected = /[?&]select=([\w.-]+)/.exec(received.toString('latin1'))?.[1]
    if (selected !== undefined) head.push(`Sec-WebSocket-Protocol: ${selected}`)
    socket.removeAllListeners('data')
    socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`)
    socket.on('data', (frame) => void socket.write(echo(frame)))
  },
}

function answer(socket: Socket, received: Buffer): void {
  const target = received.toString('latin1').split(' ')[1] ?? ''
  const ending = Object.keys(BEHAVIOURS).find((name) => target.split('?')[0]?.endsWith(name))
  const behave = BEHAVIOURS[ending ?? ''] ?? repeatRequest
  behave(socket, received)
}

function repeatRequest(socket: Socket, received: Buffer): void {
  respond(socket, '200 OK', ['Content-Type: text/plain'], received)
}

/** Returns one short frame (RFC 6455 section 5.2) unmasked, a close frame too. */
function echo(frame: Buffer): Buffer {
  const length = (frame[1] ?? 0) & 0x7f
  const mask = frame.subarray(2, 6)
  const payload = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return Buffer.concat([Buffer.from([frame[0] ?? 0, length]), payload])
}
