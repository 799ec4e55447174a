/**
 * Solves a challenge without a browser, like the ALTCHA widget:
 *   curl -s $URL/auth/login ... | node examples/solve-challenge.mjs
 * Reads a problem with a challenge, or the response of GET /auth/challenge, and prints the solution to send as `challenge`.
 * Needs altcha-lib 2, which `npm ci` installs; elsewhere: npm install altcha-lib@2
 */
import { text } from 'node:stream/consumers'
import { solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'

const response = JSON.parse(await text(process.stdin))
const { parameters: challenge } = response.challenge ?? response
if (challenge === undefined) throw new Error(`no challenge in ${JSON.stringify(response)}`)
const solution = await solveChallenge({ challenge, deriveKey })
console.log(btoa(JSON.stringify({ challenge, solution })))
