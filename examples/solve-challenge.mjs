/**
 * Solves a challenge without a browser, as the ALTCHA widget would:
 *   curl -s $URL/auth/login ... | node examples/solve-challenge.mjs
 * Reads a problem that carries a challenge, or the answer of GET /auth/challenge, and prints what to send as `challenge`.
 * Needs altcha-lib 2, which is there after `npm ci`; elsewhere: npm install altcha-lib@2
 */
import { text } from 'node:stream/consumers'
import { solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'

const answer = JSON.parse(await text(process.stdin))
const { parameters: challenge } = answer.challenge ?? answer
if (challenge === undefined) throw new Error(`no challenge in ${JSON.stringify(answer)}`)
const solution = await solveChallenge({ challenge, deriveKey })
console.log(btoa(JSON.stringify({ challenge, solution })))
