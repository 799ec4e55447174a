/** The CPU time that guesses cost an attacker who solves the challenges: measured at each difficulty and added up. */
import { difficultyOf, guess, newAddress, register, solve } from './service.ts'

/** The service's defaults. */
const FREE_PER_ADDRESS = 3
const FREE_PER_ACCOUNT = 10
const WINDOW_SECONDS = { address: 300, account: 900 }
const DIFFICULTIES = [0, 1, 2, 3, 4]
const GUESSES = 1_000
/** Average number of derivations at difficulty 0. */
const AVERAGE_DERIVATIONS = 500

interface SolvedChallenge {
  readonly difficulty: number
  readonly derivations: number
  readonly cpuSeconds: number
}

export async function measureSolvingCost(): Promise<void> {
  const solved = await guessAndSolve()
  const total = (of: keyof SolvedChallenge) => solved.reduce((sum, each) => sum + each[of], 0)
  const perDerivation = total('cpuSeconds') / total('derivations')
  const cost = (difficulty: number) => AVERAGE_DERIVATIONS * 2 ** difficulty * perDerivation
  console.log(`solved challenges, one account from 1 address: ${solved.length} solved`)
  for (const difficulty of DIFFICULTIES) {
    const atDifficulty = solved.filter((each) => each.difficulty === difficulty)
    const measured = atDifficulty.map(({ cpuSeconds }) => cpuSeconds.toFixed(2)).join(', ')
    console.log(
      `  at ${2 ** difficulty} times the base difficulty   ${cost(difficulty).toFixed(2)} CPU seconds on average; measured ${measured}`,
    )
  }
  const costAtOnce = (free: number) => {
    const belowMax = DIFFICULTIES.slice(0, -1)
    const atMax = GUESSES - free * (1 + belowMax.length)
    const costBelowMax = free * belowMax.reduce((sum, difficulty) => sum + cost(difficulty), 0)
    return costBelowMax + atMax * cost(DIFFICULTIES.length - 1)
  }
  const slowWindows = GUESSES / (2 * FREE_PER_ADDRESS)
  console.log(`the cost of ${GUESSES} guesses, with the default rules and on this machine's cores
  one account, 1 address, at once                  ${costAtOnce(FREE_PER_ADDRESS).toFixed(0)} CPU seconds
  one account, many addresses, at once             ${costAtOnce(FREE_PER_ACCOUNT).toFixed(0)} CPU seconds
  1 address, only challenges of base difficulty    ${((GUESSES / 2) * cost(0)).toFixed(0)} CPU seconds, in ${hours(slowWindows * WINDOW_SECONDS.address)}
  1 address, without solving challenges            no cost, in ${hours((GUESSES / FREE_PER_ADDRESS) * WINDOW_SECONDS.address)}
  one account, many addresses, without solving     no cost, in ${hours((GUESSES / FREE_PER_ACCOUNT) * WINDOW_SECONDS.account)}
  one account for each guess, ${Math.ceil(GUESSES / FREE_PER_ADDRESS)} addresses        no cost, at once`)
}

/** Solves three challenges at each difficulty, one after the other. */
async function guessAndSolve(): Promise<readonly SolvedChallenge[]> {
  const { name } = await register()
  const address = newAddress()
  for (let free = 0; free < FREE_PER_ADDRESS; free++) await guess(name, address)
  const solved: SolvedChallenge[] = []
  while (solved.length < FREE_PER_ADDRESS * DIFFICULTIES.length) {
    const { challenge } = await guess(name, address)
    if (challenge === undefined) break
    const difficulty = difficultyOf(challenge.parameters)
    const before = process.cpuUsage()
    const solution = await solve(challenge.parameters)
    const { user, system } = process.cpuUsage(before)
    solved.push({ difficulty, derivations: derivationsOf(solution), cpuSeconds: (user + system) / 1e6 })
    await guess(name, address, solution)
  }
  return solved
}

function derivationsOf(encoded: string): number {
  const { solution } = JSON.parse(atob(encoded)) as { solution: { counter: number } }
  return solution.counter + 1
}

function hours(seconds: number): string {
  return `${(seconds / 3600).toFixed(0)} hours`
}
