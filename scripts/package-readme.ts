/**
 * npm puts README.md into the package, but those who install the libraries need another one than those who run the service.
 * `prepack` replaces it by docs/package.md, and `postpack` restores it, also after an `npm pack` that was interrupted.
 */
import { copyFileSync, existsSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const README = at('README.md')
const REPLACED = at('dist/README.md')

if (process.argv[2] === 'restore') {
  if (existsSync(REPLACED)) renameSync(REPLACED, README)
} else {
  if (!existsSync(REPLACED)) renameSync(README, REPLACED)
  copyFileSync(at('docs/package.md'), README)
}
