/** Replaces src/passwords/pbkdf2.ts: Gatehouse without a hash. */
import { HASHES } from './hashes.ts'
import { replacementFor } from './passwords.ts'

export const { hashPassword, verifyPassword, verifyDecoy, derivePepper } = replacementFor(HASHES.none)
