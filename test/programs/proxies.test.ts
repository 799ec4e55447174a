/** The proxies of docs/proxies/ as they stand there, before a real service and origins that say what they got. */
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
import { type CgiOrigin, start, startCgiOrigin, toldByCgi } from './cgi-origin.ts'
import { send } from './send.ts'

const SNIPPETS = fileURLToPath(new URL('../../docs/proxies', import.meta.url))
/** Of the snippets. */
const AUDIENCE = 'https://orders.example.com'
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxies-'))
const project = new Project()
const port = await freePort()
const originPort = portOf(await startRawOrigin())
const proxies: ChildProcess[] = []

interface Tokens {
  readonly access_token: string
  readonly user: { readonly id: string }
}
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

/** What a test changes of a snippet. */
interface Changes {
  /** In place of the snippet's own, which asks for a token in exchange. */
  readonly query?: string
  /** The ports of the service and of the origin. */
  readonly service?: number
  readonly origin?: number
  /** What else stands there: a last look at the text. */
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

/** RFC 9110 section 5.6.2: what a header's name may have beside letters and digits. */
const SEPARATORS = [..."!#$%&'*+-.^_`|~"]
const IDENTITY = ['Subject', 'Session', 'Roles', 'Scope', 'Assertion']
/** Every name that CGI makes the variable of an identity header of. */
const SPELLINGS = Object.fromEntries(
  SEPARATORS.flatMap((first) => SEPARATORS.map((second) => [first, second] as const))
    .filter(([first, second]) => first === second || [first, second].some((one) => '-_.'.includes(one)))
    .flatMap(([first, second], at) => {
      const spelled = (word: string) => (at % 2 === 0 ? word : word.toLowerCase())
      return IDENTITY.map((name) => [spelled(`X${first}Auth${second}${name}`), 'forged'])
    }),
)

const PREFLIGHT = { 'Access-Control-Request-Method': 'DELETE', Origin: 'https://app.example.com' }

/** The longest that the service says of an account, and the longest token. */
const LONGEST = {
  roles: `${'r'.repeat(64)} `.repeat(14).trim(),
  scope: `${'s'.repeat(64)} `.repeat(14).trim(),
}
const LONGEST_TOKEN = 't'.repeat(4_096)

describe('the CGI origin', () => {
  it('takes every spelling for the identity header, so that a proxy must drop them all', async () => {
    const names = Object.keys(SPELLINGS)
    while (names.length > 0) {
      const headers = Object.fromEntries(names.splice(0, IDENTITY.length).map((name) => [name, 'forged']))
      const told = toldByCgi((await send(cgi.httpPort, { headers })).body)
      expect([headers, told.length]).toEqual([headers, IDENTITY.length])
    }
  })
})

describe.each(Object.keys(PROGRAMS))('%s', (name) => {
  const shared: { port?: number } = {}
  /** @returns the port of a proxy of its own, or of the one without changes that all share */
  async function proxy(changes?: Changes): Promise<number> {
    if (changes === undefined && shared.port !== undefined) return shared.port
    const listening = await freePort()
    const program = await PROGRAMS[name]?.(listening, changes ?? {})
    if (program !== undefined) proxies.push(program)
    if (changes === undefined) shared.port = listening
    return listening
  }

  /** @returns the port of a proxy that asks a service which answers as the test says */
  const proxyAsking = async (service: RequestListener) => proxy({ service: portOf(await listen(service)) })

  it('passes on who has a token, with whom it comes from, and nothing that the client said of that', async () => {
    const headers = { ...bearer, ...FORGED }
    const sent = { method: 'POST', path: '/orders?x=y', headers, body: 'a body' }
    const { status, body } = await send(await proxy(), sent)
    expect(status).toBe(200)
    expect(body).toMatch(/^POST \/orders\?x=y HTTP\/1\.[01]\r\n/)
    expect(body.toLowerCase()).toContain(`x-auth-subject: ${person.user.id}`)
    expect(body).toContain('a body')
    expect(body).not.toContain('forged')
  })

  it('tells an origin with CGI the identity of the service alone, however a client spells its own', async () => {
    const behind = await proxy({ origin: cgi.httpPort })
    const alone = toldByCgi((await send(behind, { headers: bearer })).body)
    expect(alone).toContainEqual(`HTTP_X_AUTH_SUBJECT=${person.user.id}`)
    const forged = toldByCgi((await send(behind, { headers: { ...bearer, ...SPELLINGS } })).body)
    expect(forged).toEqual(alone)
  })

  it('tells an origin with FastCGI the same', async () => {
    const behind = await proxy({ edit: FAST_CGI[name] })
    const { body } = await send(behind, { headers: { ...bearer, ...SPELLINGS } })
    expect(toldByCgi(body)).toContainEqual(`HTTP_X_AUTH_SUBJECT=${person.user.id}`)
    expect(body).not.toContain('forged')
    expect(body).not.toContain(person.access_token)
  })

  it('asks for itself, whatever the query of the request is', async () => {
    const sent = { path: '/orders?session=mine&roles=x&exchange=y', headers: bearer }
    expect((await send(await proxy(), sent)).status).toBe(200)
  })

  it('lets nobody take away by Connection what the gate says', async () => {
    const headers = { ...bearer, Connection: 'close, X-Auth-Subject' }
    const { status, body } = await send(await proxy(), { headers })
    expect(status === 400 || body.toLowerCase().includes(`x-auth-subject: ${person.user.id}`)).toBe(true)
  })

  it.each([
    ['none', {}, 'Bearer realm="gatehouse"'],
    ['a wrong one', { Authorization: 'Bearer none' }, 'Bearer realm="gatehouse", error="invalid_token"'],
    ['an identity of its own', { 'X-Auth-Subject': 'forged' }, 'Bearer realm="gatehouse"'],
  ])('refuses who has %s with 401, and names the scheme once', async (_what, headers, scheme) => {
    const answer = await send(await proxy(), { headers })
    expect([answer.status, answer.all('www-authenticate')]).toEqual([401, [scheme]])
  })

  it('refuses who lacks what is needed with 403, and names the scheme once', async () => {
    const answer = await send(await proxy({ query: '?roles=editor' }), { headers: bearer })
    expect(answer.status).toBe(403)
    expect(answer.all('www-authenticate')).toEqual([
      expect.stringContaining('Bearer realm="gatehouse", error="insufficient_scope"'),
    ])
  })

  it.each([
    ['/status-401', 401, ['Basic realm="origin"']],
    ['/status-500', 500, []],
  ])('passes what the origin itself answers back as it is: %s', async (path, status, schemes) => {
    const answer = await send(await proxy(), { path, headers: bearer })
    expect([answer.status, answer.all('www-authenticate'), answer.body]).toEqual([
      status,
      schemes,
      'of the origin',
    ])
    expect(answer.all('retry-after')).toEqual([])
  })

  it('passes preflights on without a token, and without an identity or a token of the client', async () => {
    const behind = await proxy({ origin: cgi.httpPort })
    const headers = { ...PREFLIGHT, ...bearer, ...SPELLINGS }
    const { status, body } = await send(behind, { method: 'OPTIONS', headers })
    expect(status).toBe(200)
    expect(body).toContain('HTTP_ACCESS_CONTROL_REQUEST_METHOD=DELETE')
    expect(toldByCgi(body)).toEqual([])
  })

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['an OPTIONS that is no preflight', 'OPTIONS', { Origin: 'https://app.example.com' }],
    ['an OPTIONS that asks for no method', 'OPTIONS', { ...PREFLIGHT, 'Access-Control-Request-Method': '' }],
    ['a GET with the headers of a preflight', 'GET', PREFLIGHT],
    ['a POST with the headers of a preflight', 'POST', PREFLIGHT],
    ['a method that says it is OPTIONS', 'GET', { ...PREFLIGHT, 'X-HTTP-Method-Override': 'OPTIONS' }],
  ])('passes nothing else on without a token: %s', async (_what, method, headers) => {
    expect((await send(await proxy(), { method, headers })).status).toBe(401)
  })

  it("puts the token that the service made for the origin in place of the client's", async () => {
    let asked: string | undefined
    const behind = await proxyAsking(({ url, headers }, response) => {
      asked = `${url} ${headers.authorization}`
      response.setHeader('Authorization', 'Bearer exchanged').end()
    })
    const { body } = await send(behind, {
      path: '/orders?exchange=x',
      headers: { Authorization: 'Bearer own' },
    })
    expect(asked).toBe(`/auth/verify?exchange=${encodeURIComponent(AUDIENCE)} Bearer own`)
    expect(body.match(/^authorization: .*(?=\r$)/gim)).toEqual(['Authorization: Bearer exchanged'])
  })

  it('gives the origin a token that is for it alone', async () => {
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

  it('passes nobody on where the audience is not one of FORWARD_AUDIENCES', async () => {
    const query = '?exchange=https%3A%2F%2Felsewhere.example'
    expect((await send(await proxy({ query }), { headers: bearer })).status).toBe(401)
  })

  it("keeps the client's token from the origin where the service made none", async () => {
    const { status, body } = await send(await proxy({ query: '?' }), { headers: bearer })
    expect(status).toBe(200)
    expect(body).not.toContain(person.access_token)
    expect(body).not.toMatch(/bearer/i)
  })

  it('passes on the longest that the service may say', async () => {
    const behind = await proxyAsking((_request, response) => {
      const identity = { 'X-Auth-Roles': LONGEST.roles, 'X-Auth-Scope': LONGEST.scope }
      response.writeHead(200, { ...identity, Authorization: `Bearer ${LONGEST_TOKEN}` }).end()
    })
    const headers = { Authorization: `Bearer ${LONGEST_TOKEN.toUpperCase()}` }
    const { status, body } = await send(behind, { headers })
    expect(status).toBe(200)
    for (const said of [LONGEST.roles, LONGEST.scope, `Bearer ${LONGEST_TOKEN}`]) {
      expect(body).toContain(`: ${said}\r\n`)
    }
  })

  it('passes nobody on while the service is out of reach', async () => {
    const { status, body } = await send(await proxy({ service: await freePort() }), { headers: bearer })
    expect(status).toBeGreaterThanOrEqual(500)
    expect(body).not.toContain('GET /orders')
  })

  it('says 503, and when to try again, while a part of the service is out of reach', async () => {
    const behind = await proxyAsking((_request, response) =>
      response.writeHead(503, { 'Retry-After': '5' }).end(),
    )
    const answer = await send(behind, { headers: bearer })
    expect([answer.status, answer.all('retry-after')]).toEqual([503, ['5']])
  })
})

describe('nginx', () => {
  it.each<[string, RequestListener | null]>([
    ['is not there', null],
    ['hangs up', (incoming) => void incoming.socket.destroy()],
    ['fails', (_request, response) => void response.writeHead(500).end()],
    ['is something else', (_request, response) => void response.writeHead(404).end()],
  ])('says 503, and when to try again, while the service %s', async (_what, service) => {
    const listening = await freePort()
    const asked = service === null ? await freePort() : portOf(await listen(service))
    const program = await PROGRAMS.nginx?.(listening, { service: asked })
    if (program !== undefined) proxies.push(program)
    const answer = await send(listening, { headers: bearer })
    expect([answer.status, answer.all('retry-after')]).toEqual([503, ['5']])
  })
})
