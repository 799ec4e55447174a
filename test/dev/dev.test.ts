import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, describe, expect, it } from 'vitest'
import type { Problem, TokenResponse } from '../../src/client/wire.ts'
import { freePort, Project, type Run, solveWithExample } from './project.ts'

const project = new Project()
const port = await freePort()
const url = `http://localhost:${port}`

let served: Run | null = null

async function stop(): Promise<void> {
  served = null
  await project.stop()
}

/** Ends what runs, then starts `npm run dev`. */
async function start(): Promise<Run> {
  await stop()
  const run = project.dev(port)
  await run.says(`Gatehouse serves ${url}`)
  served = run
  return run
}

/** What the previous test has started, since a start takes seconds. */
async function running(): Promise<Run> {
  return served ?? start()
}

afterAll(async () => {
  await stop()
  project.remove()
})

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

/** Sends a login, and disconnects while the service processes it. */
async function logInAndDisconnect(identifier: string, address: string): Promise<void> {
  const body = JSON.stringify({ identifier, password: 'a guess' })
  const socket = connect(port, '127.0.0.1')
  const head = [
    'POST /auth/login HTTP/1.1',
    `Host: localhost:${port}`,
    'Content-Type: application/json',
    `CF-Connecting-IP: ${address}`,
    `Content-Length: ${body.length}`,
  ]
  await new Promise((resolve) => socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, resolve))
  await fetch(`${url}/healthz`)
  socket.destroy()
}

const ada = { identifier: 'ada', password: 'correct horse battery staple' }

/** Of the API reference, gzipped. */
const REFERENCE_LIMIT_BYTES = 300 * 1024

const issuerOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iss

describe('npx wrangler dev in a clean clone', () => {
  it('tells in responses and in the log to run npm run dev once', async () => {
    const run = project.plainWranglerDev(port)
    await run.says('Ready on')
    const response = await fetch(`${url}/healthz`)
    expect([response.status, await response.json()]).toEqual([
      503,
      expect.objectContaining({
        code: 'misconfigured',
        detail: expect.stringContaining('`npm run dev` once'),
      }),
    ])
    await run.says('"detail":"Run `npm run dev` once')
    expect(run.output()).toContain('"variable":"PUBLIC_URL"')
    await stop()
  })
})

describe('npm run dev', () => {
  it('creates secrets and schema, serves, prints example commands that work, and connects to no other machine', async () => {
    const run = await start()
    expect(statSync(project.path('.dev.vars')).mode & 0o777).toBe(0o600)
    const [registered, , me] = (await project.paste(run.output())).trim().split('\n')
    expect(JSON.parse(registered ?? '')).toMatchObject({
      token_type: 'Bearer',
      user: { username: 'ada' },
    })
    expect(JSON.parse(me ?? '')).toMatchObject({ username: 'ada' })
    const secret = /^AUTH_SECRET=(.*)$/m.exec(readFileSync(project.path('.dev.vars'), 'utf8'))?.[1] ?? ''
    expect(secret).toMatch(/^dev-.{43}$/)
    expect(run.output()).not.toContain(secret)
    expect(project.connections()).not.toHaveLength(0)
    expect(project.connections().filter((host) => host !== '127.0.0.1' && host !== 'localhost')).toEqual([])
  })

  it('prepares a plain npx wrangler dev, which then serves the same data with the generated ADMIN_TOKEN', async () => {
    await stop()
    await project.plainWranglerDev(port).says('Ready on')
    const { access_token } = (await (await post('/auth/login', ada)).json()) as TokenResponse
    expect(issuerOf(access_token)).toBe('http://localhost:8787')
    const bob = { username: 'bob', password: ada.password }
    expect((await post('/auth/register', bob)).status).toBe(201)
    const token = /^ADMIN_TOKEN=(dev-.{43})$/m.exec(readFileSync(project.path('.dev.vars'), 'utf8'))?.[1]
    const limits = await fetch(`http://127.0.0.1:${port}/admin/limits`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(limits.status).toBe(200)
  })

  it('adds the API reference, which the assets of a deployment lack', async () => {
    expect(readFileSync(project.path('wrangler.toml'), 'utf8')).toContain('directory = "dist/public"')
    const { status, headers } = await fetch(`${url}/docs`)
    expect([status, headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
    expect(readdirSync(project.path('dist/public')).toSorted()).toEqual(['_headers', 'assets'])
  })

  it('keeps secrets and data between runs', async () => {
    const secrets = readFileSync(project.path('.dev.vars'), 'utf8')
    await start()
    expect(readFileSync(project.path('.dev.vars'), 'utf8')).toBe(secrets)
    const response = await post('/auth/login', ada, { 'CF-Connecting-IP': '203.0.113.7' })
    expect(response.status).toBe(200)
    const { access_token } = (await response.json()) as TokenResponse
    expect(issuerOf(access_token)).toBe(url)
    expect((await post('/auth/login', { ...ada, identifier: 'bob' })).status).toBe(200)
    const sessions = await fetch(`${url}/auth/sessions`, {
      headers: { Authorization: `Bearer ${access_token}` },
    })
    const { sessions: listed } = (await sessions.json()) as { sessions: readonly object[] }
    expect(listed[0]).toMatchObject({ ip: '203.0.113.7', current: true })
    expect(listed).toHaveLength(4)
  })

  it('serves a valid OpenAPI document, and sends Strict-Transport-Security with assets only when deployed', async () => {
    await running()
    const assets = await fetch(`${url}/assets/client/index.js`)
    expect([assets.status, assets.headers.get('Strict-Transport-Security')]).toEqual([200, null])
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as Record<string, unknown>
    const { valid, errors } = await new Validator().validate(document)
    expect([valid, errors]).toEqual([true, undefined])
    const env = { ...process.env, WRANGLER_COMMAND: 'deploy' }
    execFileSync(process.execPath, [project.path('scripts/assets.ts')], { env, timeout: 60_000 })
    expect(readFileSync(project.path('dist/public/_headers'), 'utf8')).toMatch(
      /^\/assets\/\*\n(?: {2}.+\n)* {2}Strict-Transport-Security: max-age=31536000\n\/assets\/branding\/\*\n {2}Content-Security-Policy: .*sandbox\n$/,
    )
  })

  it('serves an API reference of at most 300 KiB, which loads nothing from other hosts', async () => {
    await running()
    const page = await fetch(`${url}/docs`)
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8'])
    const directives = page.headers.get('Content-Security-Policy')?.split('; ') ?? []
    const sources = directives.flatMap((directive) => directive.split(' ').slice(1))
    expect(new Set(sources)).toEqual(new Set(["'none'", "'self'", "'unsafe-inline'", 'data:']))
    expect(directives.filter((directive) => directive.includes('unsafe'))).toEqual([
      "style-src 'self' 'unsafe-inline'",
    ])
    const html = await page.text()
    const references = [...html.matchAll(/ (?:href|src|spec-url)="(?!data:)([^"]*)"/g)].map(([, to]) => to)
    expect(references).toContain('/openapi.json')
    const parts = [html]
    for (const path of new Set(references)) {
      expect(path).toMatch(/^\/(?!\/)/)
      const part = await fetch(url + path)
      expect([path, part.status]).toEqual([path, 200])
      parts.push(await part.text())
    }
    const bytes = parts.map((part) => gzipSync(part).length).reduce((sum, each) => sum + each)
    expect(bytes).toBeLessThanOrEqual(REFERENCE_LIMIT_BYTES)
  })

  it('accepts the generated ADMIN_TOKEN at /admin/*', async () => {
    await running()
    const token = /^ADMIN_TOKEN=(dev-.{43})$/m.exec(readFileSync(project.path('.dev.vars'), 'utf8'))?.[1]
    const limits = await fetch(`${url}/admin/limits`, { headers: { Authorization: `Bearer ${token}` } })
    expect(limits.status).toBe(200)
    const client = await post('/admin/clients', { audience: 'x' }, { Authorization: `Bearer ${token}` })
    expect([client.status, await client.json()]).toMatchObject([201, { audience: 'x' }])
  })

  it('counts failed logins of requesters that disconnect, also after a restart, and accepts a solved challenge', async () => {
    await running()
    const address = { 'CF-Connecting-IP': '203.0.113.8' }
    for (let guess = 1; guess <= 3; guess++)
      await logInAndDisconnect(`nobody.${guess}`, address['CF-Connecting-IP'])
    const code = async () => ((await (await post('/auth/login', ada, address)).json()) as Problem).code
    const refused = await (await post('/auth/login', ada, address)).text()
    const challenge = solveWithExample(refused)
    expect((await post('/auth/login', { ...ada, challenge }, address)).status).toBe(200)
    expect(await code()).toBe('challenge_required')
    await start()
    expect(await code()).toBe('challenge_required')
    expect((await post('/auth/login', ada, { 'CF-Connecting-IP': '203.0.113.9' })).status).toBe(200)
  })

  it('ends with npm and frees its port', async () => {
    const run = await running()
    run.killNpm()
    await run.exited
    served = null
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })
})
