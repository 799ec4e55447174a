/** docs/verify/verify.py as it stands there, by Debian's python3-jwt, against the running service. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgeriesOf } from '../origins/forgeries.ts'
import { Service, type Tokens } from '../origins/service.ts'

const PROGRAM = fileURLToPath(new URL('../../docs/verify/verify.py', import.meta.url))

let service: Service
let person: Tokens
const running: ChildProcess[] = []

beforeAll(async () => {
  service = await Service.start()
  person = await service.register('ada')
})
afterAll(async () => {
  for (const program of running) program.kill()
  await service.stop()
  service.remove()
})

/** An origin that goes on. @returns what it says of one token after the other */
function start(audience = service.url): (token: string) => Promise<string> {
  const program = spawn('python3', ['-u', PROGRAM, service.url, audience], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.push(program)
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  return async (token) => {
    program.stdin.write(`${token}\n`)
    return (await lines.next()).value ?? 'it ended'
  }
}

const subjectOf = (line: string) => (line.startsWith('refused: ') ? line : JSON.parse(line).sub)

describe('PyJWT', () => {
  it('takes a token, and one that was signed by a key that it never saw', async () => {
    const open = start()
    expect(subjectOf(await open(person.access_token))).toBe(person.user.id)
    await service.rotateAway(person.access_token)
    await service.rotateAway((await service.logIn('ada')).access_token)
    person = await service.logIn('ada')
    expect(subjectOf(await open(person.access_token))).toBe(person.user.id)
  })

  it('refuses what was forged, what is of another kind, and what is no token', async () => {
    const open = start()
    for (const forged of [...(await forgeriesOf(service, person)), 'x', 'a.b.c']) {
      expect(await open(forged)).toMatch(/^refused: \w+$/)
    }
    expect(subjectOf(await open(person.access_token))).toBe(person.user.id)
  })

  it('refuses a token of another audience', async () => {
    expect(await start('https://elsewhere.example')(person.access_token)).toMatch(/^refused: \w+$/)
  })
})
