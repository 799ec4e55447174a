/** The proxies of docs/proxies/ as they stand there, before a real service and an origin that says what it got. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project } from '../dev/project.ts'
import { startRawOrigin } from '../support/raw-origin.ts'

const SNIPPETS = fileURLToPath(new URL('../../docs/proxies', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-proxies-'))
const project = new Project()
const port = await freePort()
const originPort = new URL(await startRawOrigin()).port
const proxies: ChildProcess[] = []

interface Tokens {
  readonly access_token: string
  readonly user: { readonly id: string }
}
let person: Tokens

beforeAll(async () => {
  await project.dev(port).says('Gatehouse serves')
  const registered = await fetch(`http://localhost:${port}/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: 'correct horse battery staple' }),
  })
  person = (await registered.json()) as Tokens
})
afterAll(async () => {
  for (const proxy of proxies) proxy.kill('SIGTERM')
  await project.stop()
  project.remove()
  rmSync(folder, { recursive: true })
})

/** A snippet with the ports of this run, and what a test changes of it. */
function snippet(name: string, listen: number, query: string, service: number): string {
  const text = readFileSync(join(SNIPPETS, name), 'utf8')
    .replaceAll('8080', String(listen))
    .replaceAll('8787', String(service))
    .replaceAll('9000', String(originPort))
  return query === '' ? text : text.replace(/\/auth\/verify\??(?=[;\n])/, `/auth/verify${query}`)
}

type Start = (listen: number, query: string, service: number) => Promise<void>

const nginx: Start = async (listen, query, service) => {
  const file = join(folder, `nginx-${listen}.conf`)
  const server = snippet('nginx.conf', listen, query, service)
  const logs = `error_log ${folder}/error.log; pid ${folder}/${listen}.pid;`
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  )
  writeFileSync(file, `${logs} events {} http { access_log off; ${paths.join(' ')} ${server} }`)
  await start('nginx', ['-c', file, '-p', folder, '-g', 'daemon off;'], listen)
}

const caddy: Start = async (listen, query, service) => {
  const file = join(folder, `Caddyfile-${listen}`)
  writeFileSync(file, `{\n\tadmin off\n}\n${snippet('Caddyfile', listen, query, service)}`)
  await start('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], listen)
}

/** Waits until it listens; fails where the program is missing. */
async function start(program: string, options: readonly string[], listen: number): Promise<void> {
  const proxy = spawn(program, options, { stdio: 'ignore' })
  proxies.push(proxy)
  let failed: Error | null = null
  proxy.once('error', (error) => {
    failed = error
  })
  proxy.once('exit', (code) => {
    failed = new Error(`${program} ended with ${code}`)
  })
  while (failed === null) {
    if (await fetch(`http://127.0.0.1:${listen}/`).then(Boolean, () => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw failed
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

describe.each([
  ['nginx', nginx],
  ['caddy', caddy],
])('%s', (_name, begin) => {
  it('passes on who has a token, with whom it comes from, and nothing that the client said of that', async () => {
    const listen = await freePort()
    await begin(listen, '', port)
    const headers = { Authorization: `Bearer ${person.access_token}`, ...FORGED }
    const answer = await fetch(`http://127.0.0.1:${listen}/orders?x=y`, {
      method: 'POST',
      headers,
      body: 'a body',
    })
    const came = await answer.text()
    expect(answer.status).toBe(200)
    expect(came).toMatch(/^POST \/orders\?x=y HTTP\/1\.[01]\r\n/)
    expect(came.toLowerCase()).toContain(`x-auth-subject: ${person.user.id}`)
    expect(came).toContain('a body')
    expect(came).not.toContain('forged')
  })

  it('asks for itself, whatever the query of the request is', async () => {
    const listen = await freePort()
    await begin(listen, '', port)
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect((await fetch(`http://127.0.0.1:${listen}/orders?session=mine&roles=x`, { headers })).status).toBe(
      200,
    )
  })

  it('lets nobody take away by Connection what the gate says', async () => {
    const listen = await freePort()
    await begin(listen, '', port)
    const came = await new Promise<string>((resolve) => {
      const headers = { Authorization: `Bearer ${person.access_token}`, Connection: 'close, X-Auth-Subject' }
      request({ port: listen, path: '/orders', headers }, (answer) => {
        let text = String(answer.statusCode)
        answer.on('data', (chunk) => {
          text += chunk
        })
        answer.on('end', () => resolve(text))
      }).end()
    })
    expect(came.startsWith('400') || came.toLowerCase().includes(`x-auth-subject: ${person.user.id}`)).toBe(
      true,
    )
  })

  it('refuses who has none, or a wrong one, with 401 and the scheme', async () => {
    const listen = await freePort()
    await begin(listen, '', port)
    for (const headers of [{}, { Authorization: 'Bearer none' }, { 'X-Auth-Subject': 'forged' }]) {
      const answer = await fetch(`http://127.0.0.1:${listen}/orders`, { headers })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toContain('Bearer realm="gatehouse"')
    }
  })

  it('refuses who lacks what is needed with 403', async () => {
    const listen = await freePort()
    await begin(listen, '?roles=editor', port)
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect((await fetch(`http://127.0.0.1:${listen}/orders`, { headers })).status).toBe(403)
  })

  it('passes nobody on while the service is out of reach', async () => {
    const listen = await freePort()
    await begin(listen, '', await freePort())
    const headers = { Authorization: `Bearer ${person.access_token}` }
    const { status } = await fetch(`http://127.0.0.1:${listen}/orders`, { headers })
    expect(status).toBeGreaterThanOrEqual(500)
  })
})
