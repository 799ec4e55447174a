import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VALID = '[vars]\nPUBLIC_URL = "https://auth.example.com"\n'

/** @returns what `npm run deploy` prints about a configuration whose Worker does not exist, so that nothing can be deployed */
function deploy(toml: string, ...options: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-deploy-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = join(folder, 'wrangler.toml')
  writeFileSync(config, `name = "g"\nmain = "missing.js"\ncompatibility_date = "2026-10-23"\n${toml}`)
  const command = ['scripts/deploy.ts', '--config', config, '--dry-run', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' })
  return { status, refused: !(stdout + stderr).includes('missing.js'), lines: stderr.trim().split('\n') }
}

describe('npm run deploy', () => {
  it('runs wrangler deploy if the variables are accepted, and warns of a name that looks misspelt', () => {
    const { refused, lines } = deploy(`${VALID}CORS_ORIGIN = "https://app.example.com"`)
    expect(refused).toBe(false)
    expect(lines[0]).toBe('The deployment sets CORS_ORIGIN, which is no setting. Did you mean CORS_ORIGINS?')
  })

  it('refuses an empty PUBLIC_URL and variables that Cloudflare refuses, all at once', () => {
    const long = `PASSWORD_WORDS = "${'é'.repeat(2_561)}"\nPAGES = { name = "${'a'.repeat(5_112)}" }\n`
    expect(deploy(`[vars]\nPUBLIC_URL = ""\n${long}`)).toEqual({
      status: 1,
      refused: true,
      lines: [
        expect.stringMatching(/^PUBLIC_URL is empty: set it/),
        'PASSWORD_WORDS has 5122 bytes, and Cloudflare accepts 5120: make it shorter.',
        'PAGES has 5123 bytes, and Cloudflare accepts 5120: make it shorter.',
      ],
    })
  })

  it('accepts a variable of 5,120 bytes, and a PUBLIC_URL from --var', () => {
    const words = `[vars]\nPASSWORD_WORDS = "${'a'.repeat(5_120)}"\n`
    expect(deploy(words, '--var', 'PUBLIC_URL:https://auth.example.com').refused).toBe(false)
  })

  it('checks the variables of the environment that is deployed', () => {
    const { refused, lines } = deploy(`${VALID}[env.staging.vars]\nPUBLIC_URL = ""`, '--env', 'staging')
    expect([refused, lines]).toEqual([true, [expect.stringMatching(/^PUBLIC_URL is empty/)]])
  })
})
