/** A copy of the project without files of earlier runs, and `npm run dev` in it. */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RECORDER = fileURLToPath(new URL('./record-connections.cjs', import.meta.url))
/** Of the user `nobody` of Linux. */
const NO_ONE = 65_534
const COPIED = [
  'package.json',
  'tsconfig.json',
  'wrangler.toml',
  'schema.sql',
  'src',
  'scripts',
  'examples',
  'test/support/fake-provider',
]

export interface Run {
  readonly output: () => string
  /** Resolves when the output has this text, and rejects if the run ends without it. */
  readonly says: (text: string) => Promise<void>
  readonly exited: Promise<number | null>
  readonly stop: () => Promise<void>
  /** Ends npm alone, as a supervisor does that knows only the process that it started. */
  readonly killNpm: () => void
}

export class Project {
  /** Next to it, commands may make other folders. */
  readonly folder = join(mkdtempSync(join(tmpdir(), 'gatehouse-dev-')), 'gatehouse')
  readonly #runs: Run[] = []

  constructor() {
    mkdirSync(this.folder)
    for (const name of COPIED) cpSync(join(ROOT, name), this.path(name), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), this.path('node_modules'))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  dev(port: number | string, ...flags: readonly string[]): Run {
    return this.run('dev', port, ...flags)
  }

  devWith(variables: NodeJS.ProcessEnv, port: number): Run {
    return this.#npm(['run', 'dev', '--', '--port', String(port)], { env: variables })
  }

  /** As a user who may not write to the folder: root becomes another user. */
  devWithoutPermission(port: number): Run {
    const uid = process.getuid?.() === 0 ? { uid: NO_ONE } : {}
    chmodSync(dirname(this.folder), 0o755)
    chmodSync(this.folder, 0o555)
    const run = this.#npm(['run', 'dev', '--', '--port', String(port)], uid)
    void run.exited.then(() => chmodSync(this.folder, 0o755))
    return run
  }

  /** @param script of package.json that accepts a port */
  run(script: string, port: number | string, ...flags: readonly string[]): Run {
    return this.#npm(['run', script, '--', '--port', String(port), ...flags])
  }

  #npm(command: readonly string[], { env: variables, ...options }: SpawnOptions = {}): Run {
    const recorder = { NODE_OPTIONS: `--require ${RECORDER}`, CONNECTIONS_FILE: this.path('connections') }
    const env = { ...process.env, ...recorder, ...variables }
    return this.#follow(spawn('npm', command, { cwd: this.folder, detached: true, ...options, env }))
  }

  /** Several Workers, the first of which is served. */
  wranglerDev(port: number, configs: readonly string[]): Run {
    const options = ['--ip', '127.0.0.1', '--persist-to', '.wrangler/state']
    return this.plainWranglerDev(port, ...configs.flatMap((config) => ['--config', config]), ...options)
  }

  /** As a developer who knows wrangler types it, except for the ports, which may be in use. */
  plainWranglerDev(port: number, ...options: readonly string[]): Run {
    const command = ['wrangler', 'dev', '--port', String(port), '--inspector-port', '0', ...options]
    const env = { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: 'false', DO_NOT_TRACK: '1' }
    return this.#follow(spawn('npx', command, { cwd: this.folder, env, detached: true }))
  }

  #follow(child: ChildProcess): Run {
    const run = follow(child)
    this.#runs.push(run)
    return run
  }

  /** The hosts that the Node.js processes of all runs so far wanted to connect to. */
  connections(): readonly string[] {
    const file = this.path('connections')
    return existsSync(file) ? [...new Set(readFileSync(file, 'utf8').trim().split('\n'))] : []
  }

  execute(sql: string): void {
    const command = ['wrangler', 'd1', 'execute', 'gatehouse', '--local', '--yes', '--command', sql]
    execFileSync('npx', command, { cwd: this.folder, stdio: 'pipe' })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.stop()))
  }

  remove(): void {
    rmSync(dirname(this.folder), { recursive: true, force: true })
  }
}

/** Below the ports that systems give to outgoing connections, so that none takes a port between the search and its use. */
const PORTS = { first: 10_000, end: 32_000 }

/** @returns the first of so many free ports in a row */
export async function freePort(count = 1): Promise<number> {
  const first = randomInt(PORTS.first, PORTS.end)
  const ports = Array.from({ length: count }, (_, index) => first + index)
  const free = await Promise.all(ports.map(isFree))
  return free.every(Boolean) ? first : freePort(count)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!(await listening)) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Runs the commands in the output, as a developer does who pastes them. */
export function paste(output: string): string {
  const lines = output.split('\n').filter((line) => /^ {2}(curl|TOKEN=)/.test(line))
  return execFileSync('bash', ['-c', lines.join('\necho\n')], { encoding: 'utf8' })
}

/** @returns the solution that examples/solve-challenge.mjs prints for a response with a challenge */
export function solveWithExample(input: string): string {
  const example = join(ROOT, 'examples/solve-challenge.mjs')
  return execFileSync(process.execPath, [example], { input, encoding: 'utf8' }).trim()
}

function follow(child: ChildProcess): Run {
  let output = ''
  const listeners = new Set<() => void>()
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
      for (const listener of listeners) listener()
    })
  }
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => output.includes(text) && resolve()
      listeners.add(look)
      look()
      void exited.then(() => reject(new Error(`ended without saying "${text}":\n${output}`)))
    })
  const stop = async () => {
    const running = child.exitCode === null && child.signalCode === null
    if (running && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await exited
  }
  return { output: () => output, says, exited, stop, killNpm: () => void child.kill() }
}
