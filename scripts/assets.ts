/**
 * Builds the assets that browsers load from the service: the browser SDK, ALTCHA's widget, and scripts and styles of the
 * hosted pages. Cloudflare serves them next to the Worker.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const PUBLIC = at('dist/public')
/** Files below dist/public, and the source of each. */
const COPIES = {
  'assets/client': at('dist/client'),
  'assets/altcha/altcha.js': at('node_modules/altcha/dist/external/altcha.min.js'),
  'assets/altcha/altcha.css': at('node_modules/altcha/dist/external/altcha.css'),
  'assets/altcha/pbkdf2.js': at('node_modules/altcha/dist/workers/pbkdf2.js'),
  'assets/altcha/zh-cn.js': at('node_modules/altcha/dist/i18n/zh-cn.js'),
  'assets/altcha/LICENSE.txt': at('node_modules/altcha/LICENSE.txt'),
}
/** RFC 6797 section 7.2: not over plain http. `wrangler dev` sets WRANGLER_COMMAND for the build that it runs. */
const HSTS = process.env.WRANGLER_COMMAND === 'dev' ? '' : '  Strict-Transport-Security: max-age=31536000\n'
/** The assets are public and contain nothing personal, so pages of any origin may load them. */
const HEADERS = `/assets/*
  Access-Control-Allow-Origin: *
  Cross-Origin-Resource-Policy: cross-origin
  X-Content-Type-Options: nosniff
${HSTS}`

rmSync(PUBLIC, { recursive: true, force: true })
mkdirSync(PUBLIC, { recursive: true })
for (const [to, from] of Object.entries(COPIES)) {
  cpSync(from, `${PUBLIC}/${to}`, { recursive: true, filter: (path) => !path.endsWith('.d.ts') })
}
buildSync({
  entryPoints: [at('src/pages/browser/page.ts'), at('src/pages/browser/page.css')],
  outdir: `${PUBLIC}/assets/pages`,
  bundle: true,
  minify: true,
  format: 'esm',
  logLevel: 'warning',
})
writeFileSync(`${PUBLIC}/_headers`, HEADERS)
