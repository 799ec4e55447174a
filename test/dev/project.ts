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
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RECORDER = fileURLToPath(new URL('./record-connections.cjs', import.meta.url))
/** Root without its privilege to write where permissions forbid it. Another user could not enter a folder of root's own. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-dac_override', '--inh-caps=-dac_override']
/** Of programs that block this process: vitest's own time limits cannot end them. */
const TIMEOUT_MS = 60_000
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
    return this.#npm(['run', 'dev', '--', '--port', String(port)], variables)
  }

  /** As a user who may not write to the folder. */
  devWithoutPermission(port: number): Run {
    const isRoot = process.getuid?.() === 0
    chmodSync(this.folder, 0o555)
    const run = this.#npm(['run', 'dev', '--', '--port', String(port)], {}, isRoot ? UNPRIVILEGED : [])
    void run.exited.then(() => chmodSync(this.folder, 0o755))
    return run
  }

  /** @param script of package.json that accepts a port */
  run(script: string, port: number | string, ...flags: readonly string[]): Run {
    return this.#npm(['run', script, '--', '--port', String(port), ...flags])
  }

  #npm(command: readonly string[], variables: NodeJS.ProcessEnv = {}, by: readonly string[] = []): Run {
    const recorder = { NODE_OPTIONS: `--require ${RECORDER}`, CONNECTIONS_FILE: this.path('connections') }
    const env = { ...process.env, ...recorder, ...variables }
    const [program = '', ...options] = [...by, 'npm', ...command]
    return this.#follow(spawn(program, options, { cwd: this.folder, detached: true, env }))
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

  /** Runs the lines in one shell, in the project's folder. */
  shell(lines: readonly string[]): Run {
    const options: SpawnOptions = { cwd: this.folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] }
    return this.#follow(spawn('bash', ['-c', lines.join('\n')], options))
  }

  /** Runs the commands in the output of a run, as a developer does who pastes them. @returns what they print */
  async paste(output: string): Promise<string> {
    const commands = output.split('\n').filter((line) => /^ {2}(curl|TOKEN=)/.test(line))
    const run = this.shell(commands.flatMap((command) => [command, 'echo']))
    await run.exited
    return run.output()
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
    execFileSync('npx', command, { cwd: this.folder, stdio: 'pipe', timeout: TIMEOUT_MS })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.stop()))
  }

  remove(): void {
    rmSync(dirname(this.folder), { recursive: true, force: true })
  }
}

/** Above the ports that fetch and browsers refuse, and below those that systems give to outgoing connections. */
const PORTS = { first: 10_100, end: 32_000 }
/** A process listens on the first port of its block, which reserves the others: suites that run at once do not share ports. */
const BLOCK = 100
let block = { next: 0, end: 0 }

/** @returns the first of so many free ports in a row, which this function returns once */
export async function freePort(count = 1): Promise<number> {
  if (block.next + count > block.end) block = await reserveBlock()
  const first = block.next
  block.next += count
  const ports = Array.from({ length: count }, (_, index) => first + index)
  const free = await Promise.all(ports.map(isFree))
  return free.every(Boolean) ? first : freePort(count)
}

async function reserveBlock(): Promise<typeof block> {
  const first = PORTS.first + BLOCK * randomInt((PORTS.end - PORTS.first) / BLOCK)
  const server = await listen(first, '127.0.0.1')
  if (server === null) return reserveBlock()
  server.unref()
  return { next: first + 1, end: first + BLOCK }
}

/** At every address, since some servers listen on all of them. Some systems allow that beside a server on one address. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', undefined]) {
    const server = await listen(port, host)
    if (server === null) return false
    await new Promise((resolve) => server.close(resolve))
  }
  return true
}

/** @returns null if the port is in use */
function listen(port: number, host: string | undefined): Promise<Server | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(null)).listen({ port, host }, () => resolve(server))
  })
}

/** @returns the solution that examples/solve-challenge.mjs prints for a response with a challenge */
export function solveWithExample(input: string): string {
  const example = join(ROOT, 'examples/solve-challenge.mjs')
  return execFileSync(process.execPath, [example], { input, encoding: 'utf8', timeout: TIMEOUT_MS }).trim()
}

/** Runs are groups of their own, so they do not end with this process, nor by the signal that ends it. */
const children = new Set<ChildProcess>()
process.once('exit', () => children.forEach(end))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

function end({ exitCode, signalCode, pid }: ChildProcess): void {
  if (exitCode === null && signalCode === null && pid !== undefined) process.kill(-pid, 'SIGTERM')
}

function follow(child: ChildProcess): Run {
  children.add(child)
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
    end(child)
    await exited
  }
  return { output: () => output, says, exited, stop, killNpm: () => void child.kill() }
}
