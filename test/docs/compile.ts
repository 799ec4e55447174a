/** Compiles programs in a project of its own, with the package as it is published. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from './documents.ts'

interface Tools {
  readonly compiler: string
  /** The folder with the packages that the programs import. */
  readonly modules: string
}

const MODULES = join(ROOT, 'node_modules')
const TYPESCRIPT: Tools = { compiler: join(MODULES, 'typescript/bin/tsc'), modules: MODULES }

/** By the path in the project. */
export type Programs = Readonly<Record<string, string>>

/**
 * @param packages that the programs import, beside the package's own dependency and the types of Node.js
 * @returns the output of tsc, which is empty if the programs compile
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
    return execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
  } finally {
    rmSync(folder, { recursive: true })
  }
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
