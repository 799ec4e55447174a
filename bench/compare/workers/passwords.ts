/** Implements Gatehouse's password module with another hash. */
import { derivePepper, type Pepper, type Verification } from '../../../src/passwords/pbkdf2.ts'
import type { Hash } from './hashes.ts'

export function replacementFor({ hash, verify }: Hash) {
  return {
    hashPassword: (password: string, _pepper: Pepper | null): Promise<string> => hash(password),
    verifyPassword: async (password: string, stored: string): Promise<Verification> => {
      return { match: await verify({ password, hash: stored }), needsRehash: false }
    },
    verifyDecoy: async (password: string): Promise<void> => void (await hash(password)),
    derivePepper,
  }
}
