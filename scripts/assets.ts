/**
 * Builds the assets that browsers load from the service: the browser SDK, ALTCHA's widget, scripts and styles of the hosted
 * pages, and the files of `branding/`. Cloudflare serves them next to the Worker. For development it adds the API reference.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { readBranding } from './branding.ts'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const PUBLIC = at('dist/public')
/** `npm run dev` serves this folder instead. A deployment uploads dist/public, so it cannot carry the API reference. */
const DEVELOPMENT = at('dist/development')
/** Tells the Worker, which imports it as text, which files of `branding/` there are: one name in each line. */
const BRANDING_NAMES = at('dist/branding.txt')
/** Files below dist/public, and the source of each. */
const COPIES = {
  'assets/client': at('dist/client'),
  'assets/altcha/altcha.js': at('node_modules/altcha/dist/external/altcha.min.js'),
  'assets/altcha/altcha.css': at('node_modules/altcha/dist/external/altcha.css'),
  'assets/altcha/pbkdf2.js': at('node_modules/altcha/dist/workers/pbkdf2.js'),
  'assets/altcha/ar.js': at('node_modules/altcha/dist/i18n/ar.js'),
  'assets/altcha/de.js': at('node_modules/altcha/dist/i18n/de.js'),
  'assets/altcha/zh-cn.js': at('node_modules/altcha/dist/i18n/zh-cn.js'),
  'assets/altcha/zh-tw.js': at('node_modules/altcha/dist/i18n/zh-tw.js'),
  'assets/altcha/LICENSE.txt': at('node_modules/altcha/LICENSE.txt'),
}
/** The API reference, by its files below dist/development. */
const API_REFERENCE = {
  'docs.html': at('scripts/api-reference/docs.html'),
  'docs/docs.css': at('scripts/api-reference/docs.css'),
  'docs/openapi-explorer.js': at('node_modules/openapi-explorer/dist/browser/openapi-explorer.min.js'),
}
const IS_DEVELOPMENT = process.env.WRANGLER_COMMAND === 'dev'
/** RFC 6797 section 7.2: not over plain http. `wrangler dev` sets WRANGLER_COMMAND for the build that it runs. */
const HSTS = IS_DEVELOPMENT ? '' : '  Strict-Transport-Security: max-age=31536000\n'
/**
 * The assets are public and contain nothing personal, so pages of any origin may load them. The files of an operator's brand may
 * be opened as documents, too, which then can do nothing.
 */
const HEADERS = `/assets/*
  Access-Control-Allow-Origin: *
  Cross-Origin-Resource-Policy: cross-origin
  X-Content-Type-Options: nosniff
${HSTS}/assets/branding/*
  Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox
`

/** No other host. The viewer writes styles into the page, so these may be inline. */
const API_REFERENCE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
const API_REFERENCE_HEADERS = `/docs
  Content-Security-Policy: ${API_REFERENCE_POLICY}
  Referrer-Policy: no-referrer
/docs*
  X-Content-Type-Options: nosniff
`

const branding = readBranding(at('branding'))
if (branding.problems.length > 0) {
  console.error(branding.problems.join('\n'))
  process.exit(1)
}
rmSync(PUBLIC, { recursive: true, force: true })
mkdirSync(PUBLIC, { recursive: true })
for (const [to, from] of Object.entries(COPIES)) {
  cpSync(from, `${PUBLIC}/${to}`, { recursive: true, filter: (path) => !path.endsWith('.d.ts') })
}
buildSync({
  entryPoints: [at('src/pages/browser/page.ts'), at('src/pages/browser/page.css')],
  outdir: `${PUBLIC}/assets/pages`,
  bundle: true,
  // What page.ts loads later is a file of its own.
  splitting: true,
  chunkNames: '[name]',
  minify: true,
  format: 'esm',
  logLevel: 'warning',
})
mkdirSync(`${PUBLIC}/assets/branding`)
for (const [name, text] of branding.files) writeFileSync(`${PUBLIC}/assets/branding/${name}`, text)
writeFileSync(BRANDING_NAMES, [...branding.files.keys()].join('\n'))
writeFileSync(`${PUBLIC}/_headers`, HEADERS)
if (IS_DEVELOPMENT) buildForDevelopment()

function buildForDevelopment(): void {
  rmSync(DEVELOPMENT, { recursive: true, force: true })
  cpSync(PUBLIC, DEVELOPMENT, { recursive: true })
  for (const [to, from] of Object.entries(API_REFERENCE)) cpSync(from, `${DEVELOPMENT}/${to}`)
  writeFileSync(`${DEVELOPMENT}/_headers`, HEADERS + API_REFERENCE_HEADERS)
}
