/** Checks the variables of a deployment before wrangler uploads it. */
import { parseArgs } from 'node:util'
import { unstable_readConfig as readWranglerConfig } from 'wrangler'
import { fail } from './local-database.ts'
import { nameAndValue, warnOfMisspeltNames } from './setting-names.ts'

/** Cloudflare refuses a larger variable: https://developers.cloudflare.com/workers/platform/limits/#environment-variables */
const MAX_VARIABLE_BYTES = 5_120

/**
 * Prints names that look misspelt, and ends the program if the deployment would be refused or could not start.
 * @param options of `wrangler deploy`, of which --config, --env and --var count here
 */
export function checkDeployment(options: readonly string[]): void {
  const { names, problems } = examineDeployment(options)
  warnOfMisspeltNames(names, 'The deployment')
  if (problems.length > 0) fail(problems.join('\n'))
}

interface Examined {
  /** Of the variables. */
  readonly names: readonly string[]
  /** A sentence for each reason against the deployment, with the remedy. */
  readonly problems: readonly string[]
}

/** @param options of `wrangler deploy` */
export function examineDeployment(options: readonly string[]): Examined {
  const { values, tokens } = parse(options)
  const config = readConfig(textOf(values.config), textOf(values.env))
  if (typeof config === 'string') return { names: [], problems: [config] }
  const given = [...variablesGiven(tokens)].map(nameAndValue)
  const variables = { ...config.vars, ...Object.fromEntries(given) }
  const environment = config.targetEnvironment ?? ''
  const table = environment === '' ? '[vars]' : `[env.${environment}.vars]`
  return { names: Object.keys(variables), problems: [...problemsOf(variables, table)] }
}

/** Options that are unknown here are wrangler's own. */
function parse(options: readonly string[]) {
  return parseArgs({
    args: [...options],
    options: {
      config: { type: 'string', short: 'c' },
      env: { type: 'string', short: 'e' },
      var: { type: 'string' },
    },
    strict: false,
    tokens: true,
  })
}

/** wrangler takes every text up to the next option as a value of --var. */
function* variablesGiven(tokens: ReturnType<typeof parse>['tokens']): Generator<string> {
  let isVariable = false
  for (const token of tokens) {
    if (token.kind !== 'positional') isVariable = token.kind === 'option' && token.name === 'var'
    if (isVariable && token.kind !== 'option-terminator' && token.value !== undefined) yield token.value
  }
}

/** For wrangler `-e=NAME` is `-e NAME`. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.replace(/^=/, '') : undefined
}

/** @returns the problem if there is no such file or environment, or the file is invalid */
function readConfig(config: string | undefined, env: string | undefined) {
  try {
    return readWranglerConfig({ config, env }, { hideWarnings: true })
  } catch (error) {
    return `wrangler cannot read the configuration: ${error instanceof Error ? error.message : error}`
  }
}

function* problemsOf(variables: Readonly<Record<string, unknown>>, table: string): Generator<string> {
  if (String(variables.PUBLIC_URL ?? '').trim() === '') {
    yield `PUBLIC_URL is empty: set it in ${table} of wrangler.toml to the address of the deployment, such as https://auth.example.com.`
  }
  for (const [name, value] of Object.entries(variables)) {
    const bytes = Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
    if (bytes > MAX_VARIABLE_BYTES) {
      yield `${name} has ${bytes} bytes, and Cloudflare accepts ${MAX_VARIABLE_BYTES}: make it shorter.`
    }
  }
}
