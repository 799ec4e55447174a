/**
 * `npm run bundle [-- OPTIONS OF wrangler deploy]`: checks the variables, then builds the Worker as a deployment would, without
 * deploying it, and prints its size, the size of each dependency, and the sizes of the browser SDK in a page and of the scripts
 * of the hosted pages. Fails if a limit is exceeded, or if a deployment would carry what is for development alone.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build as buildWithEsbuild } from 'esbuild'
import { checkDeployment } from './deployment.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIMIT_BYTES = 250 * 1024
const CLIENT_LIMIT_BYTES = 6 * 1024
/** What a page loads, and what it loads when a person types into a field that is checked. */
const PAGE_SCRIPTS = { 'page.js': 6 * 1024, 'typing.js': 10 * 1024 }
/** What is uploaded beside the Worker. The API reference, which is for development alone, is at /docs. */
const UPLOADED_ASSETS = ['_headers', 'assets']
const VIEWER = 'node_modules/openapi-explorer/'
const WORTH_NAMING_BYTES = 5 * 1024

const options = process.argv.slice(2)
checkDeployment(options)
const directory = mkdtempSync(join(tmpdir(), 'gatehouse-bundle-'))
try {
  report(build())
  await reportClient()
  reportPageScripts()
} finally {
  rmSync(directory, { recursive: true })
}

interface Metafile {
  readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>
}

interface Bundle extends Metafile {
  readonly code: Buffer
  /** The modules that wrangler.toml imports as text (`rules`), by name. */
  readonly texts: ReadonlyMap<string, Buffer>
}

function build(): Bundle {
  const metafile = join(directory, 'meta.json')
  const command = [
    'node_modules/wrangler/bin/wrangler.js',
    'deploy',
    '--dry-run',
    '--outdir',
    directory,
    '--metafile',
    metafile,
    ...options,
  ]
  const env = { ...process.env, DO_NOT_TRACK: '1', WRANGLER_HIDE_BANNER: 'true' }
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`wrangler deploy --dry-run failed:\n${stdout}\n${stderr}`)
  checkAssets(stdout)
  const outputs: Record<string, Metafile> = JSON.parse(readFileSync(metafile, 'utf8')).outputs
  const inputs = Object.entries(outputs).find(([name]) => name.endsWith('index.js'))?.[1].inputs ?? {}
  if (Object.keys(inputs).some((path) => path.includes(VIEWER))) throw new Error('The bundle has the viewer.')
  const read = (name: string) => readFileSync(join(directory, name))
  const names = readdirSync(directory).filter((name) => name.endsWith('.txt'))
  return { code: read('index.js'), texts: new Map(names.map((name) => [name, read(name)])), inputs }
}

/** @param output of wrangler, which names the folder that it would upload */
function checkAssets(output: string): void {
  const folder = /from the assets directory (.+)$/m.exec(output)?.[1]
  if (folder === undefined) throw new Error(`wrangler names no folder of assets:\n${output}`)
  const others = readdirSync(folder).filter((name) => !UPLOADED_ASSETS.includes(name))
  if (others.length > 0) throw new Error(`A deployment would upload ${others.join(', ')} of ${folder}.`)
}

function report({ code, texts, inputs }: Bundle): void {
  const upload = Buffer.concat([code, ...texts.values()])
  const gzipBytes = gzipBytesOf(upload)
  console.log(`Bundle: ${kib(upload.length)} KiB, ${kib(gzipBytes)} KiB gzip (limit ${kib(LIMIT_BYTES)})`)
  for (const [name, text] of texts)
    console.log(`  ${name}: ${kib(text.length)} KiB, ${kib(gzipBytesOf(text))} KiB gzip`)
  console.log('Shares of index.js, as KiB minified and, in proportion, gzip:')
  const share = gzipBytesOf(code) / code.length
  for (const [name, bytes] of sharesOf(inputs)) {
    if (bytes * share > WORTH_NAMING_BYTES)
      console.log(`  ${name}: ${kib(bytes)}, about ${kib(bytes * share)}`)
  }
  if (gzipBytes > LIMIT_BYTES) throw new Error('The bundle is over its limit.')
}

/** Bundles the whole SDK, as an app's own bundler would. */
async function reportClient(): Promise<void> {
  const entry = join(ROOT, 'dist/client/index.js')
  const options = { bundle: true, minify: true, format: 'esm', write: false } as const
  const { outputFiles } = await buildWithEsbuild({ entryPoints: [entry], ...options })
  const gzipBytes = gzipBytesOf(outputFiles[0]?.contents ?? '')
  console.log(`gatehouse-edge/client: ${kib(gzipBytes)} KiB gzip (limit ${kib(CLIENT_LIMIT_BYTES)})`)
  if (gzipBytes > CLIENT_LIMIT_BYTES) throw new Error('The browser SDK is over its limit.')
}

function reportPageScripts(): void {
  for (const [name, limit] of Object.entries(PAGE_SCRIPTS)) {
    const gzipBytes = gzipBytesOf(readFileSync(join(ROOT, 'dist/public/assets/pages', name)))
    console.log(`${name} of the hosted pages: ${kib(gzipBytes)} KiB gzip (limit ${kib(limit)})`)
    if (gzipBytes > limit) throw new Error(`${name} is over its limit.`)
  }
}

function sharesOf(inputs: Bundle['inputs']): readonly (readonly [string, number])[] {
  const shares = new Map<string, number>()
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'gatehouse'
    shares.set(name, (shares.get(name) ?? 0) + bytesInOutput)
  }
  return [...shares].toSorted(([, a], [, b]) => b - a)
}

function gzipBytesOf(content: Uint8Array | string): number {
  return gzipSync(content, { level: 9 }).length
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1)
}
