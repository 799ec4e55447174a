/**
 * `npm run bench:growth`: measures what grows with accounts, with addresses and with an account's sessions, prints it, and
 * writes it into docs/benchmarks.md. Some 7 min, 15 at the most. Linux: files are in /dev/shm, where they need 1 GiB, and it
 * reads /proc.
 */
import { cpus } from 'node:os'
import { readDocument, replaceBetween, writeDocument } from './document.ts'
import { reportAccounts } from './growth/accounts.ts'
import { reportAddresses } from './growth/addresses.ts'
import { reportSessions } from './growth/sessions.ts'
import { buildAll } from './growth/stage.ts'

const MAX_MS = 900_000

setTimeout(() => process.exit(1), MAX_MS).unref()
const bundles = await buildAll()
const day = new Date().toISOString().slice(0, 10)
const sections = [
  `## Growth

Measured on ${day}, on ${cpus().length} cores (${cpus()[0]?.model.trim()}). Each part has a workerd of its own, whose files are in
memory: what counts is the work, and no disk.`,
]
for (const report of [reportAccounts, reportAddresses, reportSessions]) {
  const section = await report(bundles)
  console.log(`${section}\n`)
  sections.push(section)
}
writeDocument('benchmarks.md', replaceBetween(readDocument('benchmarks.md'), 'growth', sections.join('\n\n')))
