/**
 * `node scripts/run.mjs FILE [ARGUMENTS]`: checks that this Node.js can run the project's TypeScript and that its packages are
 * installed, then runs the file. It is JavaScript itself, so that any Node.js can read it.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Without one of these the installation did not end. */
const NEEDED = ['wrangler', 'esbuild', 'altcha', 'typescript']
const missing = NEEDED.filter((name) => !existsSync(new URL(`../node_modules/${name}`, import.meta.url)))
if (missing.length > 0) fail(`Packages are missing (${missing.join(', ')}): run \`npm ci\` first.`)
if (!process.features.typescript)
  fail(
    `Node.js ${process.versions.node} cannot run TypeScript, and the newer one of the package \`node\` is not there, because its install script did not run: ` +
      'run `npm rebuild node` (`pnpm rebuild node`), or use Node.js 24.',
  )

const [, , file] = process.argv
process.argv.splice(1, 1)
await import(pathToFileURL(resolve(file)).href)

function fail(message) {
  console.error(message)
  process.exit(1)
}
