/** The resources that the workerd processes below this process use. Linux only: it reads /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export function residentMiB(): number {
  const kib = workerds().map((pid) => Number(/VmRSS:\s*(\d+)/.exec(read(pid, 'status'))?.[1] ?? 0))
  return kib.reduce((sum, each) => sum + each, 0) / 1024
}

/** @returns the paths of their open files in a folder */
export function openFiles(folder: string): readonly string[] {
  const links = workerds().flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => link(pid, fd)))
  return links.filter((path) => path.startsWith(folder))
}

function workerds(): readonly string[] {
  return descendants(String(process.pid)).filter((pid) => read(pid, 'comm').startsWith('workerd'))
}

function descendants(parent: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(pids.map((pid) => [pid, /PPid:\s*(\d+)/.exec(read(pid, 'status'))?.[1]]))
  const below = (pid: string): readonly string[] => {
    const children = pids.filter((child) => parents.get(child) === pid)
    return [...children, ...children.flatMap(below)]
  }
  return below(parent)
}

/** @returns '' if the process has ended */
function read(pid: string, file: string): string {
  return orEmpty(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
}

/** @returns '' if the file was closed */
function link(pid: string, fd: string): string {
  return orEmpty(() => readlinkSync(`/proc/${pid}/fd/${fd}`))
}

function orEmpty(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
