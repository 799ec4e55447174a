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
if (!process.features.typescript) fail(`Node.js ${process.versions.node} cannot run TypeScript: ${remedy()}`)

const [, , file] = process.argv
process.argv.splice(1, 1)
await import(pathToFileURL(resolve(file)).href)

/** npm and pnpm run the Node.js of the package `node`, once its install script has run. yarn 1 runs its own. */
function remedy() {
  const isInstalled = ['node', 'node.exe'].some((name) =>
    existsSync(new URL(`../node_modules/node/bin/${name}`, import.meta.url)),
  )
  if (isInstalled) return 'use `npm run`, which runs the newer one of the package `node`, or Node.js 24.'
  return 'get the newer one of the package `node` with `npm rebuild node` (`pnpm rebuild node`), or use Node.js 24.'
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
