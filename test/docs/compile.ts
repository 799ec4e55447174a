/** Compiles programs in a project of its own, with the package as it is published. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from './documents.ts'

interface Tools {
  readonly compiler: string
  /** The folder with the packages that the programs import. */
  readonly modules: string
}

const TIMEOUT_MS = 100_000
const MODULES = join(ROOT, 'node_modules')
const TYPESCRIPT: Tools = { compiler: join(MODULES, 'typescript/bin/tsc'), modules: MODULES }

/** By the path in the project. */
export type Programs = Readonly<Record<string, string>>

/**
 * @param packages that the programs import, beside the package's own dependency and the types of Node.js
 * @returns what the compiler prints, and why it crashed if it did; empty if the programs compile
 */
export function compile(
  programs: Programs,
  packages: readonly string[],
  options: object,
  { compiler, modules }: Tools = TYPESCRIPT,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-types-'))
  try {
    makeProject(folder, programs)
    for (const name of ['jose', '@types/node']) link(folder, MODULES, name)
    for (const name of packages) link(folder, modules, name)
    const compilerOptions = { strict: true, target: 'es2022', types: ['node'], noEmit: true, ...options }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    return run(compiler, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function run(compiler: string, folder: string): string {
  const options = { encoding: 'utf8', timeout: TIMEOUT_MS } as const
  const { error, status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, '-p', folder],
    options,
  )
  if (error !== undefined) return String(error)
  const output = stdout + stderr
  return status === 0 || output !== '' ? output : `The compiler ended with ${signal ?? status}.`
}

function makeProject(folder: string, programs: Programs): void {
  const modules = join(folder, 'node_modules')
  for (const name of ['package.json', 'dist/client', 'dist/verify']) {
    cpSync(join(ROOT, name), join(modules, 'gatehouse-edge', name), { recursive: true })
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, text] of Object.entries(programs)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

function link(folder: string, modules: string, name: string): void {
  const path = join(folder, 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(join(modules, name), path, 'junction')
}
