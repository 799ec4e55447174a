/**
 * Challenges of others, Turnstile and hCaptcha: the client solves their widget, and the provider's siteverify call
 * judges the token that comes of it. It sees to single use and expiry itself.
 */
import { z } from 'zod'
import type { SiteverifyConfig, SiteverifyProvider } from '../config/challenge.ts'
import { ServiceError } from '../errors.ts'
import { log } from '../log.ts'
import type {
  Challenge,
  ChallengeAction,
  ChallengeFailure,
  ChallengeProvider,
  ChallengeRequest,
  Verification,
} from './challenge.ts'

interface Dialect {
  readonly endpoint: string
  readonly maxTokenLength: number
  /** What the form says beside the secret, the token and the client's address. */
  readonly parameters: (siteKey: string) => Readonly<Record<string, string>>
  /** A token is good once, so only who knows a second try for what it is may be asked again. */
  readonly tries: 1 | 2
  /** Whether the answer says what the widget was solved for. */
  readonly namesAction: boolean
}

/** Both take a form; Turnstile takes JSON as well. */
const DIALECTS: Readonly<Record<SiteverifyProvider, Dialect>> = {
  // https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
  turnstile: {
    endpoint: 'https://challenges.cloudflare.com/turnstile/v0/siteverify',
    maxTokenLength: 2_048,
    parameters: () => ({ idempotency_key: crypto.randomUUID() }),
    tries: 2,
    namesAction: true,
  },
  // https://docs.hcaptcha.com/#verify-the-user-response-server-side
  hcaptcha: {
    endpoint: 'https://api.hcaptcha.com/siteverify',
    maxTokenLength: 4_096,
    parameters: (siteKey) => ({ sitekey: siteKey }),
    tries: 1,
    namesAction: false,
  },
}

/** How long one try may take. */
export const TRY_MS = 4_000
/** No provider's token has anything else, and nothing else is worth a request to it. */
const TOKEN = /^[\x21-\x7e]+$/
const NO_TOKEN = 'none'

const answerShape = z.object({
  success: z.boolean(),
  hostname: z.string().nullish(),
  action: z.string().nullish(),
  'error-codes': z.array(z.string()).nullish(),
})
type Answer = z.infer<typeof answerShape>

/** Its own failure. */
const INTERNAL_ERROR = 'internal-error'
/** Codes that no client can bring about. */
const KEY_ERRORS: readonly string[] = [
  'missing-input-secret',
  'invalid-input-secret',
  'sitekey-secret-mismatch',
]
/** The rest of what the providers document; others are `rejected`. Turnstile does not tell late from used. */
const REASONS: Readonly<Record<string, readonly ChallengeFailure[]>> = {
  'missing-input-response': ['malformed'],
  'bad-request': ['malformed'],
  'timeout-or-duplicate': ['expired', 'already_used'],
  'expired-input-response': ['expired'],
  'already-seen-response': ['already_used'],
  'invalid-or-already-seen-response': ['already_used', 'rejected'],
}

export class Siteverify implements ChallengeProvider {
  readonly #config: SiteverifyConfig
  readonly #dialect: Dialect

  constructor(config: SiteverifyConfig) {
    this.#config = config
    this.#dialect = DIALECTS[config.provider]
  }

  async describe({ action }: Pick<ChallengeRequest, 'action'>): Promise<Challenge> {
    const { provider, siteKey } = this.#config
    return { provider, action, site_key: siteKey }
  }

  /** @throws {ServiceError} `challenge_unavailable`; `misconfigured` where the provider refuses our keys */
  async verify(token: string, { action, address }: ChallengeRequest): Promise<Verification> {
    if (token.length > this.#dialect.maxTokenLength || !TOKEN.test(token)) return failed(['malformed'])
    const answer = await this.#ask(this.#form(token, address), this.#dialect.tries)
    const codes = answer['error-codes'] ?? []
    if (codes.some((code) => KEY_ERRORS.includes(code))) throw this.#misconfigured(codes)
    const reasons = answer.success ? this.#mismatches(answer, action) : reasonsOf(codes)
    return reasons.length === 0 ? { solved: true, claim: null } : failed(reasons)
  }

  /** Whether the provider answers at all: asked with a token that is none. */
  async isReachable({ address }: Pick<ChallengeRequest, 'address'>): Promise<boolean> {
    try {
      await this.#post(this.#form(NO_TOKEN, address))
      return true
    } catch {
      return false
    }
  }

  #mismatches({ action, hostname }: Answer, expected: ChallengeAction): readonly ChallengeFailure[] {
    const { testing, hostnames } = this.#config
    if (testing) return []
    const elsewhere = hostnames.length > 0 && !hostnames.includes(hostname?.toLowerCase() ?? '')
    const failures: readonly (readonly [boolean, ChallengeFailure])[] = [
      [this.#dialect.namesAction && action !== expected, 'wrong_action'],
      [elsewhere, 'rejected'],
    ]
    return failures.filter(([fails]) => fails).map(([, reason]) => reason)
  }

  #form(token: string, address: string): URLSearchParams {
    const { secret, siteKey } = this.#config
    const parameters = this.#dialect.parameters(siteKey)
    return new URLSearchParams({ secret, response: token, remoteip: address, ...parameters })
  }

  async #ask(form: URLSearchParams, tries: number): Promise<Answer> {
    try {
      return await this.#post(form)
    } catch (cause) {
      if (tries > 1) return this.#ask(form, tries - 1)
      throw new ServiceError('challenge_unavailable', {}, { cause })
    }
  }

  async #post(form: URLSearchParams): Promise<Answer> {
    const { provider, verifyUrl } = this.#config
    const response = await fetch(verifyUrl ?? this.#dialect.endpoint, {
      method: 'POST',
      body: form,
      // Nobody else is told the secret.
      redirect: 'manual',
      signal: AbortSignal.timeout(TRY_MS),
    })
    const { data: answer } = answerShape.safeParse(await response.json())
    const failing = response.status >= 500 || answer?.['error-codes']?.includes(INTERNAL_ERROR)
    if (answer === undefined || failing) throw new Error(`${provider} failed, with status ${response.status}`)
    return answer
  }

  #misconfigured(codes: readonly string[]): ServiceError {
    const { provider } = this.#config
    const problem = `is refused by ${provider}: ${codes.join(', ')}`
    const example = 'the secret key that the provider shows for the widget of CHALLENGE_SITE_KEY'
    log('error', 'misconfigured', { problems: [{ variable: 'CHALLENGE_SECRET', problem, example }] })
    return new ServiceError('misconfigured')
  }
}

function failed(reasons: readonly ChallengeFailure[]): Verification {
  return { solved: false, reasons }
}

function reasonsOf(codes: readonly string[]): readonly ChallengeFailure[] {
  const reasons = codes.flatMap((code) => REASONS[code] ?? ['rejected' as const])
  return reasons.length === 0 ? ['rejected'] : [...new Set(reasons)]
}
