import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
const DEV = fileURLToPath(new URL('../../scripts/dev.ts', import.meta.url))

function run(...command: readonly string[]) {
  const { status, stderr } = spawnSync(process.execPath, [...command, DEV, '--port', '65536'], {
    encoding: 'utf8',
  })
  return { status, lines: stderr.trim().split('\n') }
}

describe('scripts/run.mjs', () => {
  it('passes the arguments on to the file', () => {
    expect(run(RUN)).toEqual({ status: 1, lines: [expect.stringContaining('not "65536"')] })
  })

  it('says in one line what is missing if Node.js cannot run TypeScript', () => {
    const { status, lines } = run('--no-experimental-strip-types', RUN)
    expect([status, lines]).toEqual([1, [expect.stringMatching(/cannot run TypeScript.*npm rebuild node/)]])
  })

  it('says in one line to install the packages if they are missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-run-'))
    mkdirSync(join(folder, 'scripts'))
    copyFileSync(RUN, join(folder, 'scripts/run.mjs'))
    const { status, lines } = run(join(folder, 'scripts/run.mjs'))
    rmSync(folder, { recursive: true })
    expect([status, lines]).toEqual([1, [expect.stringContaining('run `npm ci` first')]])
  })
})
