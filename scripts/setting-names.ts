/** The names of the variables that a developer sets. */
import { misspeltNames } from '../src/config/misspelt.ts'

/** @param where the names are, as the subject of a sentence */
export function warnOfMisspeltNames(names: readonly string[], where: string): void {
  for (const { variable, meant } of misspeltNames(names)) {
    console.warn(`${where} sets ${variable}, which is no setting. Did you mean ${meant}?`)
  }
}

/** @param text as `--var` takes it: NAME:VALUE */
export function nameAndValue(text: string): readonly [string, string] {
  const [name = '', ...value] = text.split(':')
  return [name, value.join(':')]
}
