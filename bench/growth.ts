/**
 * `npm run bench:growth`: measures the effect of many accounts, many IP addresses and many sessions of one account, prints the
 * results, and writes them into docs/benchmarks.md. Takes about 7 min, at most 15. Linux only: its files are in /dev/shm, where
 * they need 1 GiB, and it reads /proc.
 */
import { cpus } from 'node:os'
import { readDocument, replaceSection, writeDocument } from './document.ts'
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

Measured on ${day}, on ${cpus().length} cores (${cpus()[0]?.model.trim()}). Each part has its own workerd, whose files are in
memory, so that the disk has no influence.`,
]
for (const report of [reportAccounts, reportAddresses, reportSessions]) {
  const section = await report(bundles)
  console.log(`${section}\n`)
  sections.push(section)
}
writeDocument('benchmarks.md', replaceSection(readDocument('benchmarks.md'), 'growth', sections.join('\n\n')))
