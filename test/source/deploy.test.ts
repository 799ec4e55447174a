import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { examineDeployment } from '../../scripts/deployment.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VALID = '[vars]\nPUBLIC_URL = "https://auth.example.com"\n'
const EMPTY = '[vars]\nPUBLIC_URL = ""\n'

/** @returns the path of a configuration whose Worker does not exist, so that nothing can be deployed */
function configWith(toml: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-deploy-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = join(folder, 'wrangler.toml')
  writeFileSync(config, `name = "g"\nmain = "missing.js"\ncompatibility_date = "2026-10-23"\n${toml}`)
  return config
}

/** @returns what `npm run deploy` prints */
function deploy(toml: string) {
  const command = ['scripts/deploy.ts', '--config', configWith(toml), '--dry-run']
  const options = { cwd: ROOT, timeout: 60_000, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, command, options)
  return { status, refused: !(stdout + stderr).includes('missing.js'), lines: stderr.trim().split('\n') }
}

function problemsOf(toml: string, ...options: readonly string[]): readonly string[] {
  return examineDeployment(['--dry-run', '-c', configWith(toml), ...options]).problems
}

describe('npm run deploy', () => {
  it('runs wrangler deploy if the variables are accepted, and warns of a name that looks misspelt', () => {
    const { refused, lines } = deploy(`${VALID}CORS_ORIGIN = "https://app.example.com"`)
    expect(refused).toBe(false)
    expect(lines[0]).toBe('The deployment sets CORS_ORIGIN, which is no setting. Did you mean CORS_ORIGINS?')
  })

  it('refuses an empty PUBLIC_URL and variables that Cloudflare refuses, all at once', () => {
    const long = `PASSWORD_WORDS = "${'é'.repeat(2_561)}"\nPAGES = { name = "${'a'.repeat(5_112)}" }\n`
    expect(deploy(EMPTY + long)).toEqual({
      status: 1,
      refused: true,
      lines: [
        expect.stringMatching(/^PUBLIC_URL is empty: set it in \[vars\] of wrangler\.toml/),
        'PASSWORD_WORDS has 5122 bytes, and Cloudflare accepts 5120: make it shorter.',
        'PAGES has 5123 bytes, and Cloudflare accepts 5120: make it shorter.',
      ],
    })
  })

  it('accepts variables of 5,120 bytes, as text and as a table', () => {
    const words = `PASSWORD_WORDS = "${'é'.repeat(2_560)}"\nPAGES = { name = "${'a'.repeat(5_109)}" }\n`
    expect(problemsOf(VALID + words)).toEqual([])
  })

  it.each([
    [['--var', 'PUBLIC_URL:https://auth.example.com']],
    [['--var=PUBLIC_URL:https://auth.example.com']],
    [['--var', 'CLIENT_ID:app', 'PUBLIC_URL:https://auth.example.com', '--outdir', 'PUBLIC_URL:']],
  ])('accepts a PUBLIC_URL from the command line: %j', (options) => {
    expect(problemsOf(EMPTY, ...options)).toEqual([])
  })

  it.each([
    [['--var', 'PUBLIC_URL:']],
    [['--var', 'CLIENT_ID:app', 'PUBLIC_URL: ']],
    [['--var', 'CLIENT_ID:app', '--var=PUBLIC_URL:']],
  ])('refuses a PUBLIC_URL that the command line empties: %j', (options) => {
    expect(problemsOf(VALID, ...options)).toEqual([expect.stringMatching(/^PUBLIC_URL is empty/)])
  })

  it.each([[['--env', 'staging']], [['--env=staging']], [['-e', 'staging']], [['-e=staging']]])(
    'checks the variables of the environment that is deployed, and names their table: %j',
    (options) => {
      const remedy = /^PUBLIC_URL is empty: set it in \[env\.staging\.vars\] of wrangler\.toml/
      const problems = problemsOf(`${VALID}[env.staging]\n`, ...options)
      expect(problems).toEqual([expect.stringMatching(remedy)])
    },
  )

  it.each([
    ['an environment that the configuration lacks', `${VALID}[env.staging]\n`],
    ['an invalid configuration', '[vars\n'],
  ])('refuses %s', (_, toml) => {
    const problems = problemsOf(toml, '--env', 'production')
    expect(problems).toEqual([expect.stringMatching(/^wrangler cannot read the configuration: /)])
  })
})
