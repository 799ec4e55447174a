/** docs/verify/verify.py, unmodified, with Debian's python3-jwt and the running service. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgeriesOf } from '../origins/forgeries.ts'
import { Service } from '../origins/service.ts'
import type { Tokens } from '../support/responses.ts'

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

/** Starts an origin that keeps running. @returns a function that sends it a token and returns its output */
function start(audience = service.url): (token: string) => Promise<string> {
  const program = spawn('python3', ['-u', PROGRAM, service.url, audience], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.push(program)
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
  return async (token) => {
    program.stdin.write(`${token}\n`)
    return (await lines.next()).value ?? 'the program ended'
  }
}

const subjectOf = (line: string) => (line.startsWith('refused: ') ? line : JSON.parse(line).sub)

describe('PyJWT', () => {
  it('accepts a token, and one signed by a key that it has not read before', async () => {
    const verify = start()
    expect(subjectOf(await verify(person.access_token))).toBe(person.user.id)
    await service.rotateAway(person.access_token)
    await service.rotateAway((await service.logIn('ada')).access_token)
    person = await service.logIn('ada')
    expect(subjectOf(await verify(person.access_token))).toBe(person.user.id)
  })

  it('rejects forged tokens, tokens of another kind and text that is not a token', async () => {
    const verify = start()
    for (const forged of [...(await forgeriesOf(service, person)), 'x', 'a.b.c']) {
      expect(await verify(forged)).toMatch(/^refused: \w+$/)
    }
    expect(subjectOf(await verify(person.access_token))).toBe(person.user.id)
  })

  it('rejects a token of another audience', async () => {
    expect(await start('https://elsewhere.example')(person.access_token)).toMatch(/^refused: \w+$/)
  })
})
