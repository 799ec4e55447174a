/** In place of src/passwords/pbkdf2.ts: Gatehouse with the peer's hash. */
import { HASHES } from './hashes.ts'
import { inPlaceOf } from './passwords.ts'

export const { hashPassword, verifyPassword, verifyDecoy, derivePepper } = inPlaceOf(HASHES.scrypt)
