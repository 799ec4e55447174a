import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../scripts/package-readme.ts', import.meta.url))
const OF_PROJECT = 'how to run the service\n'
const OF_PACKAGE = 'how to use the libraries\n'
const EDITED = 'an edit that is not committed\n'
const KEPT = 'dist/README.md'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['dist', 'docs', 'scripts']) mkdirSync(join(folder, name))
  write('README.md', OF_PROJECT)
  write('docs/package.md', OF_PACKAGE)
  copyFileSync(SCRIPT, join(folder, 'scripts/package-readme.ts'))
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8')

/** As `npm pack` runs it before and after it packs. */
function run(...options: readonly string[]) {
  const command = [join(folder, 'scripts/package-readme.ts'), ...options]
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: 60_000 })
  return { status, stderr }
}
const replace = () => run()
const restore = () => run('restore')
const DONE = { status: 0, stderr: '' }
const REFUSED = { status: 1, stderr: expect.stringMatching(/README\.md .* dist\/README\.md.*\n$/) }

describe('scripts/package-readme.ts', () => {
  it('replaces README.md by docs/package.md, and restores it', () => {
    expect(replace()).toEqual(DONE)
    expect(read('README.md')).toBe(OF_PACKAGE)
    expect(restore()).toEqual(DONE)
    expect(read('README.md')).toBe(OF_PROJECT)
  })

  it.each([
    ['after its steps', () => write('README.md', OF_PACKAGE)],
    ['between its steps', () => rmSync(join(folder, 'README.md'))],
    ['before README.md was restored by hand', () => undefined],
  ])('restores README.md at the end of an npm pack that follows one interrupted %s', (_when, interrupt) => {
    write(KEPT, OF_PROJECT)
    interrupt()
    expect(replace()).toEqual(DONE)
    expect(read('README.md')).toBe(OF_PACKAGE)
    expect(restore()).toEqual(DONE)
    expect(read('README.md')).toBe(OF_PROJECT)
  })

  it('refuses to overwrite a README.md that was edited after an interruption, until one of the two is deleted', () => {
    write(KEPT, OF_PROJECT)
    write('README.md', EDITED)
    expect([replace(), restore()]).toEqual([REFUSED, REFUSED])
    expect([read('README.md'), read(KEPT)]).toEqual([EDITED, OF_PROJECT])
    rmSync(join(folder, KEPT))
    expect([replace(), restore()]).toEqual([DONE, DONE])
    expect(read('README.md')).toBe(EDITED)
  })
})
