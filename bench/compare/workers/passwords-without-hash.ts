/** In place of src/passwords/pbkdf2.ts: Gatehouse with the hash taken out. */
import { HASHES } from './hashes.ts'
import { inPlaceOf } from './passwords.ts'

export const { hashPassword, verifyPassword, verifyDecoy, derivePepper } = inPlaceOf(HASHES.none)
