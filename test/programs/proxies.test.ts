/** The proxy configurations of docs/proxies/, unmodified, with a real service and origins that echo what they receive. */

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project } from '../dev/project.ts'
import { closeAll, listen } from '../origins/listening.ts'
import { startRawOrigin } from '../support/raw-origin.ts'
import type { Tokens } from '../support/responses.ts'
import { type CgiOrigin, identityOfCgi, start, startCgiOrigin } from './cgi-origin.ts'
import { send } from './send.ts'

const SNIPPETS = fileURLToPath(new URL('../../docs/proxies', import.meta.url))
/** The audience in the snippets. */
const AUDIENCE = 'https://orders.example.com'
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxies-'))
const project = new Project()
const port = await freePort()
const originPort = portOf(await startRawOrigin())
const proxies: ChildProcess[] = []

let person: Tokens
let bearer: { readonly Authorization: string }
let cgi: CgiOrigin

beforeAll(async () => {
  cgi = await startCgiOrigin(folder)
  writeFileSync(project.path('.dev.vars'), `FORWARD_AUDIENCES=${AUDIENCE}\n`)
  await project.dev(port).says('Gatehouse serves')
  const registered = await fetch(`http://localhost:${port}/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: 'correct horse battery staple' }),
  })
  person = (await registered.json()) as Tokens
  bearer = { Authorization: `Bearer ${person.access_token}` }
})
afterAll(async () => {
  for (const proxy of proxies) proxy.kill('SIGTERM')
  cgi.stop()
  closeAll()
  await project.stop()
  project.remove()
  rmSync(folder, { recursive: true })
})

function portOf(address: string): number {
  return Number(new URL(address).port)
}

/** What a test changes in a snippet. */
interface Changes {
  /** Replaces the query of the snippet, which requests token exchange. */
  readonly query?: string
  /** The ports of the service and of the origin. */
  readonly service?: number
  readonly origin?: number
  /** Any other change, applied last. */
  readonly edit?: ((snippet: string) => string) | undefined
}

function snippet(name: string, listening: number, changes: Changes): string {
  const { query, service = port, origin = originPort, edit = (written: string) => written } = changes
  const written = readFileSync(join(SNIPPETS, name), 'utf8')
    .replaceAll('8080', String(listening))
    .replaceAll('8787', String(service))
    .replaceAll('9000', String(origin))
  return edit(
    query === undefined ? written : written.replace(/\/auth\/verify\?[^;\s]*/, `/auth/verify${query}`),
  )
}

const PROGRAMS: Readonly<Record<string, (listening: number, changes: Changes) => Promise<ChildProcess>>> = {
  nginx: (listening, changes) => {
    const file = join(folder, `nginx-${listening}.conf`)
    const server = snippet('nginx.conf', listening, changes)
    const logs = `error_log ${folder}/error.log; pid ${folder}/${listening}.pid;`
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    )
    writeFileSync(file, `${logs} events {} http { access_log off; ${paths.join(' ')} ${server} }`)
    return start('nginx', ['-c', file, '-p', folder, '-g', 'daemon off;'], listening)
  },
  caddy: (listening, changes) => {
    const file = join(folder, `Caddyfile-${listening}`)
    writeFileSync(file, `{\n\tadmin off\n}\n${snippet('Caddyfile', listening, changes)}`)
    return start('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], listening)
  },
}

/** The snippets with FastCGI in place of HTTP, as docs/origins.md says. */
const FAST_CGI: Readonly<Record<string, (snippet: string) => string>> = {
  nginx: (server) => {
    const passed = `fastcgi_pass 127.0.0.1:${cgi.fastCgiPort}; fastcgi_param SCRIPT_FILENAME ${cgi.program};`
    return server
      .replace(/proxy_pass \S+; # your origin/, `${passed} fastcgi_param REQUEST_METHOD $request_method;`)
      .replace(/proxy_set_header (X-Auth-\w+|Authorization) /g, (_directive, header: string) => {
        return `fastcgi_param HTTP_${header.toUpperCase().replaceAll('-', '_')} `
      })
  },
  caddy: (site) => {
    const transport = `transport fastcgi {\nenv SCRIPT_FILENAME ${cgi.program}\n}`
    return site.replace(/reverse_proxy \S+/, `reverse_proxy 127.0.0.1:${cgi.fastCgiPort} {\n${transport}\n}`)
  },
}

const FORGED = {
  'X-Auth-Subject': 'forged',
  'x-auth-session': 'forged',
  'X-Auth-Roles': 'forged',
  'X-Auth-Scope': 'forged',
  'X-Auth-Assertion': 'forged',
  X_Auth_Subject: 'forged',
  'X-Auth_Subject': 'forged',
  'X_Auth-Roles': 'forged',
}

/** RFC 9110 section 5.6.2: the characters of a header name other than letters and digits. */
const SEPARATORS = [..."!#$%&'*+-.^_`|~"]
const IDENTITY = ['Subject', 'Session', 'Roles', 'Scope', 'Assertion']
/** Every header name that CGI maps to the variable of an identity header. */
const SPELLINGS = Object.fromEntries(
  SEPARATORS.flatMap((first) => SEPARATORS.map((second) => [first, second] as const))
    .filter(([first, second]) => first === second || [first, second].some((one) => '-_.'.includes(one)))
    .flatMap(([first, second], at) => {
      const spelled = (word: string) => (at % 2 === 0 ? word : word.toLowerCase())
      return IDENTITY.map((name) => [spelled(`X${first}Auth${second}${name}`), 'forged'])
    }),
)

const PREFLIGHT = { 'Access-Control-Request-Method': 'DELETE', Origin: 'https://app.example.com' }

/** The longest roles and scope that the service sends, and the longest token. */
const LONGEST = {
  roles: `${'r'.repeat(64)} `.repeat(14).trim(),
  scope: `${'s'.repeat(64)} `.repeat(14).trim(),
}
const LONGEST_TOKEN = 't'.repeat(4_096)

describe('CGI origin', () => {
  it('reads every spelling as the identity header, so that a proxy must drop them all', async () => {
    const names = Object.keys(SPELLINGS)
    while (names.length > 0) {
      const headers = Object.fromEntries(names.splice(0, IDENTITY.length).map((name) => [name, 'forged']))
      const identity = identityOfCgi((await send(cgi.httpPort, { headers })).body)
      expect([headers, identity.length]).toEqual([headers, IDENTITY.length])
    }
  })
})

describe.each(Object.keys(PROGRAMS))('%s', (name) => {
  const shared: { port?: number } = {}
  /** @returns the port of a new proxy with these changes, or of the shared one without changes */
  async function proxy(changes?: Changes): Promise<number> {
    if (changes === undefined && shared.port !== undefined) return shared.port
    const listening = await freePort()
    const program = await PROGRAMS[name]?.(listening, changes ?? {})
    if (program !== undefined) proxies.push(program)
    if (changes === undefined) shared.port = listening
    return listening
  }

  /** @returns the port of a proxy in front of a fake service */
  const proxyWith = async (service: RequestListener) => proxy({ service: portOf(await listen(service)) })

  it('forwards a request with its verified identity, and drops identity headers of the caller', async () => {
    const headers = { ...bearer, ...FORGED }
    const sent = { method: 'POST', path: '/orders?x=y', headers, body: 'a body' }
    const { status, body } = await send(await proxy(), sent)
    expect(status).toBe(200)
    expect(body).toMatch(/^POST \/orders\?x=y HTTP\/1\.[01]\r\n/)
    expect(body.toLowerCase()).toContain(`x-auth-subject: ${person.user.id}`)
    expect(body).toContain('a body')
    expect(body).not.toContain('forged')
  })

  it('sends a CGI origin only the verified identity, for any spelling of forged headers', async () => {
    const behind = await proxy({ origin: cgi.httpPort })
    const verified = identityOfCgi((await send(behind, { headers: bearer })).body)
    expect(verified).toContainEqual(`HTTP_X_AUTH_SUBJECT=${person.user.id}`)
    const forged = identityOfCgi((await send(behind, { headers: { ...bearer, ...SPELLINGS } })).body)
    expect(forged).toEqual(verified)
  })

  it('sends a FastCGI origin only the verified identity, for any spelling of forged headers', async () => {
    const behind = await proxy({ edit: FAST_CGI[name] })
    const { body } = await send(behind, { headers: { ...bearer, ...SPELLINGS } })
    expect(identityOfCgi(body)).toContainEqual(`HTTP_X_AUTH_SUBJECT=${person.user.id}`)
    expect(body).not.toContain('forged')
    expect(body).not.toContain(person.access_token)
  })

  it('verifies with its own query, not the query of the request', async () => {
    const sent = { path: '/orders?session=mine&roles=x&exchange=y', headers: bearer }
    expect((await send(await proxy(), sent)).status).toBe(200)
  })

  it('keeps the identity headers of the service if the caller lists them in Connection', async () => {
    const headers = { ...bearer, Connection: 'close, X-Auth-Subject' }
    const { status, body } = await send(await proxy(), { headers })
    expect(status === 400 || body.toLowerCase().includes(`x-auth-subject: ${person.user.id}`)).toBe(true)
  })

  it.each([
    ['no token', {}, 'Bearer realm="gatehouse"'],
    ['an invalid token', { Authorization: 'Bearer none' }, 'Bearer realm="gatehouse", error="invalid_token"'],
    ['a forged identity', { 'X-Auth-Subject': 'forged' }, 'Bearer realm="gatehouse"'],
  ])('answers 401 to a request with %s, and names the scheme once', async (_what, headers, scheme) => {
    const response = await send(await proxy(), { headers })
    expect([response.status, response.all('www-authenticate')]).toEqual([401, [scheme]])
  })

  it('answers 403 to a request without a required role, and names the scheme once', async () => {
    const response = await send(await proxy({ query: '?roles=editor' }), { headers: bearer })
    expect(response.status).toBe(403)
    expect(response.all('www-authenticate')).toEqual([
      expect.stringContaining('Bearer realm="gatehouse", error="insufficient_scope"'),
    ])
  })

  it.each([
    ['/status-401', 401, ['Basic realm="origin"']],
    ['/status-500', 500, []],
  ])('returns an error response of the origin unchanged: %s', async (path, status, schemes) => {
    const response = await send(await proxy(), { path, headers: bearer })
    expect([response.status, response.all('www-authenticate'), response.body]).toEqual([
      status,
      schemes,
      'of the origin',
    ])
    expect(response.all('retry-after')).toEqual([])
  })

  it('forwards a preflight without verification, and drops identity and token of the caller', async () => {
    const behind = await proxy({ origin: cgi.httpPort })
    const headers = { ...PREFLIGHT, ...bearer, ...SPELLINGS }
    const { status, body } = await send(behind, { method: 'OPTIONS', headers })
    expect(status).toBe(200)
    expect(body).toContain('HTTP_ACCESS_CONTROL_REQUEST_METHOD=DELETE')
    expect(identityOfCgi(body)).toEqual([])
  })

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['an OPTIONS that is not a preflight', 'OPTIONS', { Origin: 'https://app.example.com' }],
    [
      'an OPTIONS with an empty Access-Control-Request-Method',
      'OPTIONS',
      { ...PREFLIGHT, 'Access-Control-Request-Method': '' },
    ],
    ['a GET with the headers of a preflight', 'GET', PREFLIGHT],
    ['a POST with the headers of a preflight', 'POST', PREFLIGHT],
    ['a GET with a method override to OPTIONS', 'GET', { ...PREFLIGHT, 'X-HTTP-Method-Override': 'OPTIONS' }],
  ])('answers 401 without a token to any other request: %s', async (_what, method, headers) => {
    expect((await send(await proxy(), { method, headers })).status).toBe(401)
  })

  it("replaces the caller's token by the exchanged token of the service", async () => {
    let verified: string | undefined
    const behind = await proxyWith(({ url, headers }, response) => {
      verified = `${url} ${headers.authorization}`
      response.setHeader('Authorization', 'Bearer exchanged').end()
    })
    const { body } = await send(behind, {
      path: '/orders?exchange=x',
      headers: { Authorization: 'Bearer own' },
    })
    expect(verified).toBe(`/auth/verify?exchange=${encodeURIComponent(AUDIENCE)} Bearer own`)
    expect(body.match(/^authorization: .*(?=\r$)/gim)).toEqual(['Authorization: Bearer exchanged'])
  })

  it('sends the origin a token that only this origin accepts', async () => {
    const { body } = await send(await proxy(), { headers: bearer })
    const token = /^authorization: Bearer (\S+)\r$/im.exec(body)?.[1] ?? ''
    expect(decodeJwt(token)).toMatchObject({
      iss: `http://localhost:${port}`,
      aud: AUDIENCE,
      sub: person.user.id,
    })
    const elsewhere = await send(port, { path: '/auth/me', headers: { Authorization: `Bearer ${token}` } })
    expect(elsewhere.status).toBe(401)
  })

  it('answers 401 if the exchange audience is not one of FORWARD_AUDIENCES', async () => {
    const query = '?exchange=https%3A%2F%2Felsewhere.example'
    expect((await send(await proxy({ query }), { headers: bearer })).status).toBe(401)
  })

  it("drops the caller's token if the service exchanges none", async () => {
    const { status, body } = await send(await proxy({ query: '?' }), { headers: bearer })
    expect(status).toBe(200)
    expect(body).not.toContain(person.access_token)
    expect(body).not.toMatch(/bearer/i)
  })

  it('forwards the longest identity headers and token that the service may send', async () => {
    const behind = await proxyWith((_request, response) => {
      const identity = { 'X-Auth-Roles': LONGEST.roles, 'X-Auth-Scope': LONGEST.scope }
      response.writeHead(200, { ...identity, Authorization: `Bearer ${LONGEST_TOKEN}` }).end()
    })
    const headers = { Authorization: `Bearer ${LONGEST_TOKEN.toUpperCase()}` }
    const { status, body } = await send(behind, { headers })
    expect(status).toBe(200)
    for (const value of [LONGEST.roles, LONGEST.scope, `Bearer ${LONGEST_TOKEN}`]) {
      expect(body).toContain(`: ${value}\r\n`)
    }
  })

  it('forwards no request while the service is unavailable', async () => {
    const { status, body } = await send(await proxy({ service: await freePort() }), { headers: bearer })
    expect(status).toBeGreaterThanOrEqual(500)
    expect(body).not.toContain('GET /orders')
  })

  it('answers 503 with Retry-After while a part of the service is unavailable', async () => {
    const behind = await proxyWith((_request, response) =>
      response.writeHead(503, { 'Retry-After': '5' }).end(),
    )
    const response = await send(behind, { headers: bearer })
    expect([response.status, response.all('retry-after')]).toEqual([503, ['5']])
  })
})

describe('nginx', () => {
  it.each<[string, RequestListener | null]>([
    ['refuses connections', null],
    ['closes the connection', (incoming) => void incoming.socket.destroy()],
    ['answers 500', (_request, response) => void response.writeHead(500).end()],
    ['answers 404', (_request, response) => void response.writeHead(404).end()],
  ])('answers 503 with Retry-After from nginx while the service %s', async (_what, service) => {
    const listening = await freePort()
    const servicePort = service === null ? await freePort() : portOf(await listen(service))
    const program = await PROGRAMS.nginx?.(listening, { service: servicePort })
    if (program !== undefined) proxies.push(program)
    const response = await send(listening, { headers: bearer })
    expect([response.status, response.all('retry-after')]).toEqual([503, ['5']])
  })
})
