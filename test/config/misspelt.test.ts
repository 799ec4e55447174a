import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { isVariable, misspeltNames } from '../../src/config/misspelt.ts'

describe('misspeltNames', () => {
  it.each([
    ['ADMIN_TOKE', 'ADMIN_TOKEN'],
    ['AUTH_SECRTE', 'AUTH_SECRET'],
    ['PUBLICURL', 'PUBLIC_URL'],
    ['cors-origins', 'CORS_ORIGINS'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['LIMIT', 'LIMITS'],
    ['REFRESH_MAX_SECOND', 'REFRESH_MAX_SECONDS'],
  ])('names the setting that %s looks like', (variable, meant) => {
    expect(misspeltNames([variable])).toEqual([{ variable, meant }])
  })

  it.each([
    'PUBLIC_URL',
    'AUTH_SECRET_FALLBACK',
    'DB',
    'ORDERS',
    'PLACES',
    'SENTRY_DSN',
    'toString',
    '',
    'A'.repeat(9_999),
  ])('accepts a setting, and a name that looks like none: %.30s', (variable) =>
    expect(misspeltNames([variable])).toEqual([]),
  )
})

describe('isVariable', () => {
  it.each(['', 'text', 0, 5, true, false, null, {}, { rules: {} }, [], ['a'], env.SCHEMA])(
    'accepts a value of [vars]: %j',
    (value) => expect(isVariable(value)).toBe(true),
  )

  it.each([
    ['a database', env.DB],
    ['a namespace of Durable Objects', env.ACCOUNT],
    ['a service', exports.default],
    ['a file', new ArrayBuffer(1)],
    ['a secret of a store', new (class {})()],
    ['a function', () => undefined],
  ])('refuses a binding: %s', (_kind, binding) => expect(isVariable(binding)).toBe(false))
})
