import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const RUN = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
const DEV = fileURLToPath(new URL('../../scripts/dev.ts', import.meta.url))

function run(...command: readonly string[]) {
  const { status, stderr } = spawnSync(process.execPath, [...command, DEV, '--port', '65536'], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, lines: stderr.trim().split('\n') }
}

/** A project whose packages are installed, apart from Node.js. */
function projectWith(packages: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-run-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of packages) mkdirSync(join(folder, 'node_modules', name), { recursive: true })
  mkdirSync(join(folder, 'scripts'))
  copyFileSync(RUN, join(folder, 'scripts/run.mjs'))
  return join(folder, 'scripts/run.mjs')
}

const PACKAGES = ['wrangler', 'esbuild', 'altcha', 'typescript']
const OLD_NODE = '--no-experimental-strip-types'

describe('scripts/run.mjs', () => {
  it('passes the arguments on to the file', () => {
    expect(run(RUN)).toEqual({ status: 1, lines: [expect.stringContaining('not "65536"')] })
  })

  it('says in one line to use the Node.js that is installed if another one cannot run TypeScript', () => {
    const lines = [expect.stringMatching(/cannot run TypeScript: use `npm run`/)]
    expect(run(OLD_NODE, RUN)).toEqual({ status: 1, lines })
  })

  it('says in one line how to get a newer Node.js if its install script did not run', () => {
    const lines = [expect.stringMatching(/cannot run TypeScript: get .* `npm rebuild node`/)]
    expect(run(OLD_NODE, projectWith(PACKAGES))).toEqual({ status: 1, lines })
  })

  it.each(PACKAGES)('says in one line to install the packages if %s is missing', (missing) => {
    const lines = [`Packages are missing (${missing}): run \`npm ci\` first.`]
    expect(run(projectWith(PACKAGES.filter((name) => name !== missing)))).toEqual({ status: 1, lines })
  })
})
