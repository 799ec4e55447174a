/** What `npm run dev` makes of its options, of a second clone, and of a folder, settings or a database that it cannot use. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Problem } from '../../src/client/wire.ts'
import { freePort, Project, type Run } from './project.ts'

const project = new Project()
const port = await freePort(2)
const url = `http://localhost:${port}`

let served: Run | null = null

/** What the previous test has started, since a start takes seconds. */
async function withTurnstile(): Promise<Run> {
  served ??= project.dev(port, '--challenge', 'turnstile')
  await served.says(`Gatehouse serves ${url}`)
  return served
}

afterAll(async () => {
  await project.stop()
  project.remove()
})

type ChallengeRequired = Extract<Problem, { readonly code: 'challenge_required' }>

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })

const ada = { identifier: 'ada', password: 'correct horse battery staple' }

describe('npm run dev', () => {
  it('serves each of two clones that start at once', async () => {
    const clone = new Project()
    onTestFinished(async () => {
      await clone.stop()
      clone.remove()
    })
    const itsPort = await freePort()
    const itsRun = clone.dev(itsPort)
    await Promise.all([withTurnstile(), itsRun.says(`Gatehouse serves http://localhost:${itsPort}`)])
  })

  it('starts a fake Turnstile if requested, and connects to no other machine', async () => {
    const run = await withTurnstile()
    await post('/auth/register', { username: ada.identifier, password: ada.password })
    const fakeTurnstile = /A fake turnstile provider listens at (\S+)\./.exec(run.output())?.[1] ?? ''
    const address = { 'CF-Connecting-IP': '203.0.113.10' }
    const guess = { identifier: 'unknown', password: 'a guess' }
    for (let failure = 1; failure <= 3; failure++) await post('/auth/login', guess, address)
    const refusal = (await (await post('/auth/login', ada, address)).json()) as ChallengeRequired
    expect(refusal.challenge).toEqual({
      provider: 'turnstile',
      action: 'login',
      site_key: expect.any(String),
    })
    expect(await (await fetch(`${fakeTurnstile}/turnstile/v0/api.js`)).text()).toContain(
      'globalThis.turnstile',
    )
    const solved = JSON.stringify({ action: 'login' })
    const response = await fetch(`${fakeTurnstile}/turnstile/tokens`, { method: 'POST', body: solved })
    const { token: challenge } = (await response.json()) as { token: string }
    expect((await post('/auth/login', { ...ada, challenge }, address)).status).toBe(200)
    expect(await (await post('/auth/login', { ...ada, challenge }, address)).json()).toMatchObject({
      code: 'challenge_failed',
      reasons: ['expired', 'already_used'],
    })
    expect(project.connections().filter((host) => host !== '127.0.0.1' && host !== 'localhost')).toEqual([])
  })

  it('adds missing settings to the .dev.vars of a developer without changing the existing ones', async () => {
    const secrets = readFileSync(project.path('.dev.vars'), 'utf8')
    writeFileSync(project.path('.dev.vars'), 'SIGNING_ALG=HS256')
    await project.stop()
    const run = project.dev(port)
    await run.says(`${url}/healthz responds with 503`)
    expect(readFileSync(project.path('.dev.vars'), 'utf8')).toMatch(
      /^SIGNING_ALG=HS256\nENVIRONMENT=development\nPUBLIC_URL=http:\/\/localhost:8787\nAUTH_SECRET=dev-.{43}\nADMIN_TOKEN=dev-.{43}\n$/,
    )
    await run.says('must be ES256 or RS256')
    expect(run.output()).not.toContain('"variable":"PUBLIC_URL"')
    writeFileSync(project.path('.dev.vars'), secrets)
    await project.stop()
  })

  it('reports an invalid option', async () => {
    const run = project.dev('65536')
    expect(await run.exited).toBe(1)
    expect(run.output()).toContain('--port must be a number from 1 to 65535')
    const other = project.dev(port, '--challenge', 'recaptcha')
    expect(await other.exited).toBe(1)
    expect(other.output()).toContain('--challenge must be turnstile or hcaptcha')
  })

  it('reports what to do if the port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    const run = project.dev(port)
    expect(await run.exited).toBe(1)
    expect(run.output()).toContain(`Port ${port} is in use`)
    const example = project.run('example:spa', port)
    expect(await example.exited).toBe(1)
    expect(example.output()).toContain(`npm run example:spa -- --port ${port + 10}`)
    await new Promise((resolve) => other.close(resolve))
  })

  it.each(['none', 'debug'])(
    'reports that the secret of the kept database is missing, and changes nothing (WRANGLER_LOG=%s)',
    async (level) => {
      await project.stop()
      const settings = readFileSync(project.path('.dev.vars'), 'utf8')
      rmSync(project.path('.dev.vars'))
      const run = project.devWith({ WRANGLER_LOG: level }, port)
      expect(await run.exited).toBe(1)
      expect(run.output()).toMatch(/\.dev\.vars is missing, whose AUTH_SECRET .*\n.*rm -r \.wrangler\/state/)
      expect(existsSync(project.path('.dev.vars'))).toBe(false)
      writeFileSync(project.path('.dev.vars'), settings)
    },
  )

  it('reports a folder that it may not write to', async () => {
    const run = project.devWithoutPermission(port)
    expect(await run.exited).toBe(1)
    expect(run.output()).toMatch(/You may not write to .*: change the permissions, or copy the project/)
  })

  it('reports how to begin anew if the local database has another schema, and changes nothing', async () => {
    const output = async () => {
      rmSync(project.path('.dev.vars'), { force: true })
      const run = project.dev(port)
      expect(await run.exited).toBe(1)
      expect(existsSync(project.path('.dev.vars'))).toBe(false)
      return run.output()
    }
    project.execute('UPDATE schema_version SET version = 3')
    expect(await output()).toMatch(/version 3\. This release needs version 2\.\n.*rm -r \.wrangler\/state/)
    project.execute('UPDATE schema_version SET version = 2; ALTER TABLE clients RENAME TO customers')
    expect(await output()).toMatch(/version 2, without the table clients\..*\n.*rm -r \.wrangler\/state/)
    expect(() => project.execute('SELECT * FROM clients')).toThrow()
  })
})
