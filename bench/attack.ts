/**
 * `npm run bench:attack [-- --port N]`: attacks a service that `npm run dev` runs on this machine, and prints how far each
 * attack comes and what it costs: guesses at passwords, with somebody honest logging in beside them; what guesses cost
 * whoever solves challenges; floods of registrations; learning who has an account. Bounded: 4,000 requests, 5 minutes.
 */
import { guessPasswords } from './attack/guessing.ts'
import { enumerateAccounts, floodRegistrations } from './attack/registering.ts'
import { priceGuesses } from './attack/solving-cost.ts'

await guessPasswords()
await priceGuesses()
await floodRegistrations()
await enumerateAccounts()
