/** Starts one service for all test files that need no settings of their own, since its start takes longer than many tests. */
import type { TestProject } from 'vitest/node'
import { type Stage, startStage } from './stage.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly stage: Stage
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { stage, stop } = await startStage()
  provide('stage', stage)
  return stop
}
