/** Bytes that no HTTP library sends, to the real `npm run dev`, with an origin behind it that echoes its request. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRawOrigin } from '../support/raw-origin.ts'
import { freePort, Project } from './project.ts'

const project = new Project()
const port = await freePort()

beforeAll(async () => {
  const origin = await startRawOrigin()
  const gateway = { '/api': { origin, required: false }, '/closed': { origin } }
  writeFileSync(project.path('.dev.vars'), `GATEWAY=${JSON.stringify(gateway)}\n`)
  await project.dev(port).says('Gatehouse serves')
})
afterAll(async () => {
  await project.stop()
  project.remove()
})

/** @returns all that comes back on the connection */
function sendRaw(...lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return new Promise((resolve, reject) => {
    let response = ''
    socket.on('data', (chunk) => {
      response += chunk
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(response))
  })
}

const HOST = [`Host: localhost:${port}`, 'Connection: close']
/** The request lines that the origin received, from its echo. */
const linesAtOrigin = (response: string) => response.match(/^[A-Z]+ \S+ HTTP\/1\.1(?=\r\n(?!\r\n))/gm) ?? []

describe('a request line', () => {
  it.each([
    '/api/../closed/x',
    '/api/%2e%2e/closed/x',
    '/api/..%2fclosed/x',
    '/api/..%5cclosed/x',
    '/api/..\\closed/x',
    '/api/..;/closed/x',
    '/api/%252e%252e/closed/x',
    '/api/./../closed/x',
    '//closed/x',
    '/api/%00/x',
  ])('rejects a request line that could reach a route that requires a token: %s', async (target) => {
    const response = await sendRaw(`GET ${target} HTTP/1.1`, ...HOST)
    expect(response).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(linesAtOrigin(response.slice(1))).toEqual([])
  })

  it('sends a request to the origin of its route, never to a host that the request line names', async () => {
    expect(linesAtOrigin(await sendRaw('GET /api/x HTTP/1.1', ...HOST))).toEqual(['GET /api/x HTTP/1.1'])
    const response = await sendRaw('GET http://evil.example/closed/x HTTP/1.1', ...HOST)
    expect(linesAtOrigin(response)).toEqual([])
    expect(response).toMatch(/^HTTP\/1\.1 (4|5)\d\d /)
  })
})

describe('headers behind the gateway', () => {
  it.each([
    ['an identity twice', ['X-Auth-Subject: forged', 'X-Auth-Subject: forged']],
    ['an identity with underscores', ['X_Auth_Subject: forged']],
    ['an identity in capitals', ['X-AUTH-ROLES: forged']],
    ['an identity that Connection names', ['X-Auth-Subject: forged', 'Connection: X-Auth-Subject']],
    ['an identity on a folded line', ['X-Own: a', ' X-Auth-Subject: forged']],
    ['an identity with a space before its colon', ['X-Auth-Subject : forged']],
    ['an identity behind a bare line feed', ['X-Own: a\nX-Auth-Subject: forged']],
    ['an identity behind a bare carriage return', ['X-Own: a\rX-Auth-Subject: forged']],
  ])('removes forged identity headers before the origin: %s', async (_what, lines) => {
    const response = await sendRaw('GET /api/x HTTP/1.1', ...HOST, ...lines)
    expect(response).not.toMatch(/^x[-_]auth[-_][a-z]+ *: *forged/im)
  })

  it.each([
    [
      'both kinds of length',
      ['Content-Length: 6', 'Transfer-Encoding: chunked', '', '0', '', 'GET /closed/x HTTP/1.1', 'X: y'],
    ],
    ['two lengths', ['Content-Length: 0', 'Content-Length: 40', '', 'GET /closed/x HTTP/1.1', 'X: y']],
    ['a length that hides a request', ['Content-Length: 27', '', 'GET /closed/x HTTP/1.1', '']],
    ['chunks that are not', ['Transfer-Encoding: xchunked', '', '0', '', 'GET /closed/x HTTP/1.1']],
  ])('sends no smuggled second request to the origin: %s', async (_what, lines) => {
    const response = await sendRaw('POST /api/x HTTP/1.1', ...HOST, ...lines)
    const first = linesAtOrigin(response).slice(0, 1)
    expect(first.length === 0 || first[0] === 'POST /api/x HTTP/1.1').toBe(true)
    expect((response.match(/^HTTP\/1\.1 200/gm) ?? []).length).toBeLessThan(2)
  })
})
