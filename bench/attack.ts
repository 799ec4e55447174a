/**
 * `npm run bench:attack [-- --port N]`: attacks a service that `npm run dev` runs on this machine, and prints how successful each
 * attack is and what it costs: guessing passwords while an honest user logs in; the cost of guesses with solved challenges;
 * floods of registrations; account enumeration. Bounded to 4,000 requests and 5 minutes.
 */
import { guessPasswords } from './attack/guessing.ts'
import { enumerateAccounts, floodRegistrations } from './attack/registering.ts'
import { measureSolvingCost } from './attack/solving-cost.ts'

await guessPasswords()
await measureSolvingCost()
await floodRegistrations()
await enumerateAccounts()
