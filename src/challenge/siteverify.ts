/**
 * Challenges of others, Turnstile and hCaptcha: the client solves their widget, and the provider's siteverify call
 * judges the token that comes of it. It sees to single use and expiry itself.
 */
import { z } from 'zod'
import type { SiteverifyConfig, SiteverifyProvider } from '../config/challenge.ts'
import { ServiceError } from '../errors/service-error.ts'
import { log } from '../runtime/log.ts'
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
  /** What it calls the host where a widget with a published test key was solved. */
  readonly testHostname: string
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
    testHostname: 'example.com',
  },
  // https://docs.hcaptcha.com/#verify-the-user-response-server-side
  hcaptcha: {
    endpoint: 'https://api.hcaptcha.com/siteverify',
    maxTokenLength: 4_096,
    parameters: (siteKey) => ({ sitekey: siteKey }),
    tries: 1,
    namesAction: false,
    testHostname: 'dummy-key-pass',
  },
}

/** How long one try may take. */
export const TRY_MS = 4_000
/** RFC 9110 section 11.2 (token68): no provider's token has anything else, and nothing else is worth a request to it. */
const TOKEN = /^[\w.~+/-]+=*$/
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
const SECRET_ERRORS: readonly string[] = ['missing-input-secret', 'invalid-input-secret']
/** hCaptcha's: our site key is wrong, or the client's widget was shown with another. */
const SITE_KEY_MISMATCH = 'sitekey-secret-mismatch'
/** The rest of what the providers document; others are `rejected`. Turnstile does not tell late from used. */
const REASONS: ReadonlyMap<string, readonly ChallengeFailure[]> = new Map([
  ['missing-input-response', ['malformed']],
  ['bad-request', ['malformed']],
  ['timeout-or-duplicate', ['expired', 'already_used']],
  ['expired-input-response', ['expired']],
  ['already-seen-response', ['already_used']],
  ['invalid-or-already-seen-response', ['already_used', 'rejected']],
])

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
    const answer = await this.#ask(this.#form({ response: token, remoteip: address }), this.#dialect.tries)
    const codes = answer['error-codes'] ?? []
    if (codes.some((code) => SECRET_ERRORS.includes(code))) throw this.#misconfigured(codes)
    if (codes.includes(SITE_KEY_MISMATCH)) log('warn', 'challenge_site_key_mismatch')
    const reasons = answer.success ? this.#mismatches(answer, action) : reasonsOf(codes)
    return reasons.length === 0 ? { solved: true, claim: null } : failed(reasons)
  }

  /** Whether the provider answers at all: asked with a token that is none. */
  async isReachable(): Promise<boolean> {
    try {
      await this.#post(this.#form({ response: NO_TOKEN }))
      return true
    } catch {
      return false
    }
  }

  #mismatches({ action, hostname }: Answer, expected: ChallengeAction): readonly ChallengeFailure[] {
    const { testing } = this.#config
    const { namesAction, testHostname } = this.#dialect
    const unnamed = testing && typeof action !== 'string'
    const ofTests = testing && hostname === testHostname
    const failures: readonly (readonly [boolean, ChallengeFailure])[] = [
      [namesAction && !unnamed && action !== expected, 'wrong_action'],
      [!ofTests && !this.#isListed(hostname ?? ''), 'rejected'],
    ]
    return failures.filter(([fails]) => fails).map(([, reason]) => reason)
  }

  #isListed(hostname: string): boolean {
    const { hostnames } = this.#config
    return hostnames.length === 0 || hostnames.includes(hostname.toLowerCase())
  }

  #form(asked: Readonly<Record<string, string>>): URLSearchParams {
    const { secret, siteKey } = this.#config
    return new URLSearchParams({ secret, ...asked, ...this.#dialect.parameters(siteKey) })
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
    const answer = parseAnswer(await response.text())
    const { ok, status } = response
    if (answer !== null && (answer.success ? ok : status < 500 && !isInternal(answer))) return answer
    throw new Error(`${provider} judged nothing, with status ${status}`)
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

function isInternal(answer: Answer): boolean {
  return answer['error-codes']?.includes(INTERNAL_ERROR) === true
}

/** @returns null for what is no answer of siteverify */
function parseAnswer(text: string): Answer | null {
  try {
    return answerShape.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function reasonsOf(codes: readonly string[]): readonly ChallengeFailure[] {
  const reasons = codes.flatMap((code) => REASONS.get(code) ?? ['rejected' as const])
  return reasons.length === 0 ? ['rejected'] : [...new Set(reasons)]
}
