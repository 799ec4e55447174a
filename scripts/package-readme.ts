/**
 * npm puts README.md into the package, but those who install the libraries need another one than those who run the service.
 * `prepack` replaces it by docs/package.md, and `postpack` restores it, also after an `npm pack` that was interrupted.
 */
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const README = at('README.md')
const OF_PACKAGE = at('docs/package.md')
/** The project's own README.md while it is replaced. */
const KEPT = at('dist/README.md')

requireOneReadme()
if (process.argv[2] === 'restore') {
  if (existsSync(KEPT)) renameSync(KEPT, README)
} else {
  if (!existsSync(KEPT)) renameSync(README, KEPT)
  copyFileSync(OF_PACKAGE, README)
}

/** After an interruption README.md may have edits, which neither step may overwrite. */
function requireOneReadme(): void {
  if (!existsSync(KEPT) || !existsSync(README)) return
  const text = textOf(README)
  if (text === textOf(OF_PACKAGE) || text === textOf(KEPT)) return
  console.error(
    'README.md was edited after an npm pack that was interrupted, and dist/README.md is the one before it. Delete one of the two.',
  )
  process.exit(1)
}

function textOf(path: string): string {
  return readFileSync(path, 'utf8')
}
