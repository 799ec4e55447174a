/** Reads the settings and collects their problems, so that all are reported at once. */
import type { Settings } from './settings.ts'

/** Length of the quotes around a string in JSON. */
const QUOTES_LENGTH = 2

export interface SettingProblem {
  readonly variable: keyof Settings
  /** What is wrong. Never a secret's value. */
  readonly problem: string
  /** A valid value, or how to make one. */
  readonly example: string
}

export class SettingsReader {
  readonly problems: SettingProblem[] = []
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** @returns the setting's text, trimmed; undefined if it is missing or empty */
  text(variable: keyof Settings): string | undefined {
    const text = String(this.#settings[variable] ?? '').trim()
    return text === '' ? undefined : text
  }

  /**
   * Reads a text that tokens contain.
   * @param maxLength in characters; a character counts as many times as it has bytes in JSON in UTF-8
   */
  boundedText(variable: keyof Settings, byDefault: string, maxLength: number): string {
    const text = this.text(variable)
    if (text === undefined || fitsInToken(text, maxLength)) return text ?? byDefault
    return this.addProblem(variable, `must have at most ${maxLength} characters`, byDefault, text)
  }

  /** @returns the setting as a table, from TOML or JSON; undefined if it is missing or empty */
  table(variable: keyof Settings): object | undefined {
    const setting = this.#settings[variable]
    const text = this.text(variable)
    if (text === undefined) return undefined
    const table = typeof setting === 'object' ? setting : parseJson(text)
    if (typeof table === 'object' && table !== null && !Array.isArray(table)) return table
    return this.addProblem(
      variable,
      'must be a table, or one written as JSON on one line: in .dev.vars within single quotes, since # begins a comment there',
      '{}',
      undefined,
    )
  }

  /** @returns the parts of a comma-separated text, trimmed; empty if the setting is missing or empty */
  list(variable: keyof Settings): readonly string[] {
    const parts = (this.text(variable) ?? '').split(',').map((part) => part.trim())
    return parts.filter((part) => part !== '')
  }

  /** Like `list`, for a setting that may be set to an empty list. @returns undefined if it is missing */
  listIfSet(variable: keyof Settings): readonly string[] | undefined {
    return this.#settings[variable] === undefined ? undefined : this.list(variable)
  }

  /** Whether the Worker has a service binding of this name. */
  isService(name: string): boolean {
    const bindings: Readonly<Record<string, unknown>> = { ...this.#settings }
    const binding = bindings[name]
    return typeof binding === 'object' && binding !== null && 'fetch' in binding
  }

  /** @returns a whole number within the bounds */
  integer(variable: keyof Settings, bounds: { byDefault: number; min: number; max: number }): number {
    const text = this.text(variable)
    if (text === undefined) return bounds.byDefault
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= bounds.min && value <= bounds.max) return value
    const problem = `must be a whole number from ${bounds.min} to ${bounds.max}`
    return this.addProblem(variable, problem, String(bounds.byDefault), bounds.byDefault)
  }

  /**
   * Adds a problem. A config with problems is never used.
   * @returns `placeholder`, so that the next settings can be read
   */
  addProblem<T>(variable: keyof Settings, problem: string, example: string, placeholder: T): T {
    this.problems.push({ variable, problem, example })
    return placeholder
  }
}

/** @returns whether a text takes at most as many bytes in a token as `maxLength` ASCII characters */
export function fitsInToken(text: string, maxLength: number): boolean {
  return new TextEncoder().encode(JSON.stringify(text)).length - QUOTES_LENGTH <= maxLength
}

/** @returns null if the text is not valid JSON */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
