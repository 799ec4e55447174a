import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it } from 'vitest'
import { CounterKeys } from '../../src/limits/counter-keys.ts'
import { SharedRecords } from '../../src/shared-record.ts'
import { newName, PASSWORD, refused, workerWith } from '../support/client.ts'
import { requestAt } from '../support/clock.ts'
import { newRequester, WRONG } from '../support/requester.ts'

const readNamingKey = () => env.DB.prepare('SELECT key FROM naming_key').first<string>('key')
const namingKey = await readNamingKey()
const writeNamingKey = (text: string) =>
  env.DB.prepare('INSERT OR REPLACE INTO naming_key VALUES (1, ?1)').bind(text).run()
/** The counter keys of a new isolate. */
const newKeys = () => new CounterKeys(new SharedRecords(env.DB))
const request = requestAt()

afterEach(() => writeNamingKey(namingKey ?? ''))

describe('counter keys', () => {
  it('derives counter keys that reveal neither address nor identifier', async () => {
    const names = newKeys()
    const [address, identifier] = [
      await names.ofRequester('203.0.113.7', request),
      await names.ofIdentifier('username', 'ada', request),
    ]
    for (const name of [address, identifier]) expect(name).toMatch(/^[\w-]{43}$/)
    expect(address).not.toBe(identifier)
  })

  it('derives the same counter key in every isolate', async () => {
    const [here, there] = [newKeys(), newKeys()]
    expect(await here.ofRequester('203.0.113.7', request)).toBe(
      await there.ofRequester('203.0.113.7', request),
    )
  })

  it('derives different counter keys for different kinds and texts', async () => {
    const names = newKeys()
    const all = await Promise.all([
      names.ofRequester('ada', request),
      names.ofIdentifier('username', 'ada', request),
      names.ofIdentifier('email', 'ada', request),
      names.ofIdentifier(null, 'ada', request),
      names.ofIdentifier(null, 'grace', request),
    ])
    expect(new Set(all).size).toBe(all.length)
  })

  it('derives different counter keys under another naming key, which is random', async () => {
    expect(namingKey).toMatch(/^[0-9A-F]{64}$/)
    const name = await newKeys().ofRequester('203.0.113.7', request)
    await writeNamingKey('another key')
    expect(await newKeys().ofRequester('203.0.113.7', request)).not.toBe(name)
  })

  it('keeps counter keys when AUTH_SECRET is replaced, so that earlier failures still count', async () => {
    const name = newName()
    const before = newRequester(workerWith({}))
    await before.failTimes(3, name)
    const settings = {
      AUTH_SECRET: 'another secret, long enough for production',
      AUTH_SECRET_FALLBACK: env.AUTH_SECRET,
    }
    const after = newRequester(workerWith(settings as object), before.address)
    expect(await refused(after.logIn(name, WRONG))).toMatchObject({ code: 'challenge_required' })
  })

  it('answers 503 misconfigured to a login while the naming key is missing', async () => {
    await env.DB.prepare('DELETE FROM naming_key').run()
    const answer = await refused(newRequester(workerWith({})).logIn('ada', PASSWORD))
    expect(answer).toMatchObject({ status: 503, code: 'misconfigured' })
  })
})
