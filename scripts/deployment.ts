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
  const variables = variablesOf(options)
  warnOfMisspeltNames(Object.keys(variables), 'The deployment')
  const problems = [...problemsOf(variables)]
  if (problems.length > 0) fail(problems.join('\n'))
}

type Variables = Readonly<Record<string, unknown>>

function variablesOf(options: readonly string[]): Variables {
  const { values } = parseArgs({
    args: [...options],
    options: {
      config: { type: 'string', short: 'c' },
      env: { type: 'string', short: 'e' },
      var: { type: 'string', multiple: true, default: [] },
    },
    strict: false,
  })
  const { config, env } = values
  const named = { config: textOf(config), env: textOf(env) }
  const given = Array.isArray(values.var) ? values.var.filter((one) => typeof one === 'string') : []
  return {
    ...readWranglerConfig(named, { hideWarnings: true }).vars,
    ...Object.fromEntries(given.map(nameAndValue)),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function* problemsOf(variables: Variables): Generator<string> {
  if ((variables.PUBLIC_URL ?? '') === '') {
    yield 'PUBLIC_URL is empty: set it in [vars] of wrangler.toml to the address of the deployment, such as https://auth.example.com.'
  }
  for (const [name, value] of Object.entries(variables)) {
    const bytes = Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
    if (bytes > MAX_VARIABLE_BYTES) {
      yield `${name} has ${bytes} bytes, and Cloudflare accepts ${MAX_VARIABLE_BYTES}: make it shorter.`
    }
  }
}
