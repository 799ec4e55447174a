/** Runs the commands in the documents, document by document, against one `npm run dev`, as a reader pastes them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, Project } from '../dev/project.ts'
import { type Block, blocks, isChecked, placeOf } from './documents.ts'

const PORT_IN_DOCUMENTS = 'localhost:8787'
/** Beside the answer, curl writes the status of each response, so that an unexpected refusal is noticed. */
const RECORD_STATUSES = `curl() { command curl -w '%{stderr}%{http_code}\\n' "$@" 2>> statuses; }`
/** Of all commands of a document. */
const TIMEOUT_MS = 60_000

const project = new Project()
const port = await freePort()

beforeAll(() => project.dev(port).says('Gatehouse serves'))
afterAll(async () => {
  await project.stop()
  project.remove()
})

interface Outcome {
  /** Null if the block did not end, because a command in it failed. */
  readonly statuses: readonly string[] | null
  readonly output: string
}

/** Runs blocks one after the other in one shell, until one fails or the time is over. */
async function runInOneShell(
  commands: readonly string[],
  timeoutMs = TIMEOUT_MS,
): Promise<readonly Outcome[]> {
  const steps = commands.map((code, index) => `echo '@@${index}' | tee -a statuses\n${code}`)
  writeFileSync(project.path('statuses'), '')
  const run = project.shell([
    'set -eu -o pipefail',
    RECORD_STATUSES,
    ...steps,
    `echo '@@end' | tee -a statuses`,
  ])
  const timer = setTimeout(() => void run.stop(), timeoutMs)
  await run.exited
  clearTimeout(timer)
  const recorded = splitAtMarks(readFileSync(project.path('statuses'), 'utf8'))
  const outputs = splitAtMarks(run.output())
  return commands.map((_, index) => ({
    statuses: index + 1 < recorded.length ? (recorded[index]?.match(/^\d{3}$/gm) ?? []) : null,
    output: outputs[index] ?? run.output(),
  }))
}

const splitAtMarks = (text: string) => text.split(/^@@\w+\n/m).slice(1)

/** @returns what a block's note says, or success for each response */
function expectedStatuses({ note }: Block, { statuses }: Outcome): readonly unknown[] {
  if (note !== '') return note.replace('status: ', '').split(' ')
  return (statuses ?? []).map(() => expect.stringMatching(/^2/))
}

const commands = blocks.filter((block) => block.language === 'sh' && isChecked(block))
const here = ({ code }: Block) => code.replaceAll(PORT_IN_DOCUMENTS, `localhost:${port}`)

describe.each([...Map.groupBy(commands, ({ document }) => document)])(
  'the commands of %s',
  (_document, own) => {
    let outcomes: readonly Outcome[] = []
    beforeAll(async () => {
      outcomes = await runInOneShell(own.map(here))
    })

    it.each(own.map((block, index) => [placeOf(block), block, index] as const))(
      'succeed, with the statuses that the document says: %s',
      (_place, block, index) => {
        const outcome = outcomes[index] ?? { statuses: null, output: '' }
        expect(outcome.statuses, outcome.output).toEqual(expectedStatuses(block, outcome))
      },
    )
  },
)

describe('the check of commands', () => {
  it('notices a command that fails, and a refusal by the service', async () => {
    const refused = `curl -s http://localhost:${port}/auth/me`
    const [first, second, third] = await runInOneShell([refused, 'false', 'true'])
    expect(first?.statuses).toEqual(['401'])
    expect([second?.statuses, third?.statuses]).toEqual([null, null])
  })

  it('notices a command that does not end', async () => {
    const [outcome] = await runInOneShell(['tail -f /dev/null'], 1)
    expect(outcome?.statuses).toBe(null)
  })
})
