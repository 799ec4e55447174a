/** The local D1 database of `npm run dev`, which wrangler keeps in .wrangler/state. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const WRANGLER = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url))
const SCHEMA = fileURLToPath(new URL('../schema.sql', import.meta.url))
const STATE = fileURLToPath(new URL('../.wrangler/state', import.meta.url))
const BEGIN_ANEW = 'rm -r .wrangler/state && npm run dev'
/** No telemetry, no request for the `cf` object, no check for updates. The loaders accept only these spellings. */
const OFFLINE = { CLOUDFLARE_CF_FETCH_ENABLED: 'false', DO_NOT_TRACK: '1', WRANGLER_HIDE_BANNER: 'true' }
export const env = { ...process.env, ...OFFLINE }

/**
 * Changes nothing. Ends the program where the database has another schema: its version differs, or one of the tables is missing.
 * @returns false if there is no database, or one without a schema
 */
export function hasCurrentSchema(): boolean {
  if (!existsSync(STATE)) return false
  const found = execute(
    "SELECT version FROM schema_version; SELECT name FROM sqlite_schema WHERE type = 'table'",
    'no such table: schema_version',
  )
  if (found === null) return false
  const schema = readFileSync(SCHEMA, 'utf8')
  const needed = /VALUES \(1, (\d+)\)/.exec(schema)?.[1]
  const version = String(found[0]?.results[0]?.version)
  const names = new Set(found[1]?.results.map(({ name }) => name))
  const tables = [...schema.matchAll(/^CREATE TABLE IF NOT EXISTS (\w+)/gm)].map(([, name = '']) => name)
  const missing = tables.filter((name) => !names.has(name)).map((name) => `, without the table ${name}`)
  if (version === needed && missing.length === 0) return true
  const release = Number(version) > Number(needed) ? 'a newer' : 'another'
  return fail(
    `The local database is of ${release} release: it has schema version ${version}${missing.join('')}. This release needs version ${needed}.\n` +
      `To keep it, use that release. To begin anew, delete it with all its accounts:  ${BEGIN_ANEW}`,
  )
}

/** For a database without the .dev.vars of its time: without the secret that sealed its signing keys, nothing could be signed. */
export function requireNoSealedKeys(): void {
  const [keys] = execute('SELECT kid FROM signing_keys LIMIT 1') ?? []
  if (keys?.results.length === 0) return
  fail(
    '.dev.vars is missing, whose AUTH_SECRET sealed the signing keys in the local database.\n' +
      `Put the file back, or delete the database with all its accounts:  ${BEGIN_ANEW}`,
  )
}

export function applySchema(): void {
  execute(readFileSync(SCHEMA, 'utf8'))
}

type Executed = readonly {
  readonly results: readonly { readonly version?: number; readonly name?: string }[]
}[]

/**
 * @param expected an error after which there is no result
 * @returns the results of each statement; null after the expected error
 */
function execute(sql: string, expected?: string): Executed | null {
  const command = ['d1', 'execute', 'gatehouse', '--local', '--yes', '--json', `--command=${sql}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRANGLER, ...command], {
    cwd: ROOT,
    // The result is printed at this level. Below it wrangler prints nothing, and above it more than the result.
    env: { ...env, WRANGLER_LOG: 'log' },
    encoding: 'utf8',
  })
  if (status === 0) return JSON.parse(stdout)
  if (expected !== undefined && (stdout + stderr).includes(expected)) return null
  return fail(`The local database could not be set up:\n${stdout}\n${stderr}`)
}

export function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
