/** Password hashes, in the form of the peer's option. */
import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { hashPassword, verifyPassword } from '../../../src/passwords/pbkdf2.ts'
import type { HashName } from '../worker-types.ts'

export interface Hash {
  readonly hash: (password: string) => Promise<string>
  readonly verify: (check: { readonly password: string; readonly hash: string }) => Promise<boolean>
}

/** Better Auth's parameters: N = 2^14, r = 16, p = 1, 64 bytes. */
const SCRYPT = { N: 16_384, r: 16, p: 1, maxmem: 128 * 16_384 * 16 * 2 }
const SALT_BYTES = 16

export const HASHES: Readonly<Record<HashName, Hash>> = {
  none: {
    hash: async (password) => password,
    verify: async ({ password, hash }) => password === hash,
  },
  scrypt: {
    hash: async (password) => {
      const salt = hex(crypto.getRandomValues(new Uint8Array(SALT_BYTES)))
      return `${salt}:${await derive(password, salt)}`
    },
    verify: async ({ password, hash }) => {
      const [salt = '', key] = hash.split(':')
      return (await derive(password, salt)) === key
    },
  },
  /** Gatehouse's hash. */
  pbkdf2: {
    hash: (password) => hashPassword(password, null),
    verify: async ({ password, hash }) => {
      const verification = await verifyPassword(password, hash, null)
      return 'match' in verification && verification.match
    },
  },
}

async function derive(password: string, salt: string): Promise<string> {
  const run = promisify<string, string, number, typeof SCRYPT, Uint8Array>(scrypt)
  return hex(await run(password.normalize('NFKC'), salt, 64, SCRYPT))
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
