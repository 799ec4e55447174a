/** Reads one setting after another and collects what is wrong with each, so that all is reported at once. */
import type { Settings } from './settings.ts'

/** Around a text, in JSON. */
const QUOTES = 2

export interface SettingProblem {
  readonly variable: keyof Settings
  /** What is wrong. Never a secret's value. */
  readonly problem: string
  /** A right value, or how to make one. */
  readonly example: string
}

export class SettingsReader {
  readonly problems: SettingProblem[] = []
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** @returns the setting's text, trimmed; undefined where it is missing or empty. */
  text(variable: keyof Settings): string | undefined {
    const text = String(this.#settings[variable] ?? '').trim()
    return text === '' ? undefined : text
  }

  /**
   * A text that tokens carry.
   * @param maxLength in characters; one that JSON in UTF-8 writes with several bytes counts as that many
   */
  boundedText(variable: keyof Settings, byDefault: string, maxLength: number): string {
    const text = this.text(variable)
    if (text === undefined || isWithin(text, maxLength)) return text ?? byDefault
    return this.refuse(variable, `must have at most ${maxLength} characters`, byDefault, text)
  }

  /** @returns the setting as a table: TOML's, or one written as JSON; undefined where it is missing or empty. */
  table(variable: keyof Settings): object | undefined {
    const setting = this.#settings[variable]
    const text = this.text(variable)
    if (text === undefined) return undefined
    const table = typeof setting === 'object' ? setting : parseJson(text)
    if (typeof table === 'object' && table !== null && !Array.isArray(table)) return table
    return this.refuse(
      variable,
      'must be a table, or one written as JSON on one line: in .dev.vars within single quotes, since # begins a comment there',
      '{}',
      undefined,
    )
  }

  /** @returns the parts of a text that commas separate, trimmed; none where it is missing or empty. */
  list(variable: keyof Settings): readonly string[] {
    const parts = (this.text(variable) ?? '').split(',').map((part) => part.trim())
    return parts.filter((part) => part !== '')
  }

  /** As `list`, of a setting where empty means something else than missing; undefined where it is missing. */
  givenList(variable: keyof Settings): readonly string[] | undefined {
    return this.#settings[variable] === undefined ? undefined : this.list(variable)
  }

  /** Whether the Worker has a service binding of this name. */
  isService(name: string): boolean {
    const bindings: Readonly<Record<string, unknown>> = { ...this.#settings }
    const binding = bindings[name]
    return typeof binding === 'object' && binding !== null && 'fetch' in binding
  }

  /** A whole number within bounds. */
  integer(variable: keyof Settings, bounds: { byDefault: number; min: number; max: number }): number {
    const text = this.text(variable)
    if (text === undefined) return bounds.byDefault
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= bounds.min && value <= bounds.max) return value
    const problem = `must be a whole number from ${bounds.min} to ${bounds.max}`
    return this.refuse(variable, problem, String(bounds.byDefault), bounds.byDefault)
  }

  /** Notes a problem and goes on with a stand-in, which no caller ever sees. */
  refuse<T>(variable: keyof Settings, problem: string, example: string, standIn: T): T {
    this.problems.push({ variable, problem, example })
    return standIn
  }
}

/** @returns whether a text takes no more room in a token than so many characters of ASCII */
export function isWithin(text: string, maxLength: number): boolean {
  return new TextEncoder().encode(JSON.stringify(text)).length - QUOTES <= maxLength
}

/** @returns null for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
