/** What guesses cost whoever solves the challenges, in CPU time: solved for real, level by level, and added up. */
import { difficultyOf, guess, newAddress, register, solve } from './service.ts'

/** As the service has them by default. */
const FREE_PER_ADDRESS = 3
const FREE_PER_ACCOUNT = 10
const WINDOW_SECONDS = { address: 300, account: 900 }
const LEVELS = [0, 1, 2, 3, 4]
const GUESSES = 1_000
/** Derivations on average at level 0. */
const AVERAGE_DERIVATIONS = 500

interface Solved {
  readonly level: number
  readonly derivations: number
  readonly cpuSeconds: number
}

export async function priceGuesses(): Promise<void> {
  const solved = await guessAndSolve()
  const total = (of: keyof Solved) => solved.reduce((sum, each) => sum + each[of], 0)
  const perDerivation = total('cpuSeconds') / total('derivations')
  const price = (level: number) => AVERAGE_DERIVATIONS * 2 ** level * perDerivation
  console.log(`solved challenges, one account from 1 address: ${solved.length} solved`)
  for (const level of LEVELS) {
    const here = solved.filter((each) => each.level === level)
    const spent = here.map(({ cpuSeconds }) => cpuSeconds.toFixed(2)).join(', ')
    console.log(
      `  at ${2 ** level} times the price   ${price(level).toFixed(2)} CPU seconds on average; here ${spent}`,
    )
  }
  const fast = (free: number) => {
    const dear = LEVELS.slice(0, -1)
    const atTop = GUESSES - free * (1 + dear.length)
    return free * dear.reduce((sum, level) => sum + price(level), 0) + atTop * price(LEVELS.length - 1)
  }
  const slowWindows = GUESSES / (2 * FREE_PER_ADDRESS)
  console.log(`${GUESSES} guesses cost, by the default rules and on this machine's cores
  at one account from 1 address, at once          ${fast(FREE_PER_ADDRESS).toFixed(0)} CPU seconds
  at one account from any number, at once         ${fast(FREE_PER_ACCOUNT).toFixed(0)} CPU seconds
  from 1 address, never dearer than the cheapest  ${((GUESSES / 2) * price(0)).toFixed(0)} CPU seconds, in ${hours(slowWindows * WINDOW_SECONDS.address)}
  from 1 address, without solving any             none, in ${hours((GUESSES / FREE_PER_ADDRESS) * WINDOW_SECONDS.address)}
  at one account from any number, without any     none, in ${hours((GUESSES / FREE_PER_ACCOUNT) * WINDOW_SECONDS.account)}
  at as many accounts from ${Math.ceil(GUESSES / FREE_PER_ADDRESS)} addresses          none, at once`)
}

/** Three challenges at each level, one after the other. */
async function guessAndSolve(): Promise<readonly Solved[]> {
  const { name } = await register()
  const address = newAddress()
  for (let free = 0; free < FREE_PER_ADDRESS; free++) await guess(name, address)
  const solved: Solved[] = []
  while (solved.length < FREE_PER_ADDRESS * LEVELS.length) {
    const { challenge } = await guess(name, address)
    if (challenge === undefined) break
    const level = difficultyOf(challenge.parameters)
    const before = process.cpuUsage()
    const answer = await solve(challenge.parameters)
    const { user, system } = process.cpuUsage(before)
    solved.push({ level, derivations: derivationsOf(answer), cpuSeconds: (user + system) / 1e6 })
    await guess(name, address, answer)
  }
  return solved
}

function derivationsOf(answer: string): number {
  const { solution } = JSON.parse(atob(answer)) as { solution: { counter: number } }
  return solution.counter + 1
}

function hours(seconds: number): string {
  return `${(seconds / 3600).toFixed(0)} hours`
}
