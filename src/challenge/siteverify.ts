/**
 * Challenges of Turnstile and hCaptcha. The user solves the provider's widget, and the provider's siteverify API verifies the
 * resulting token. The provider itself enforces single use and expiry.
 */
import * as z from 'zod/mini'
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

/** How the API of one provider differs from the other. */
interface ProviderApi {
  readonly endpoint: string
  readonly maxTokenLength: number
  /** The parameters of the form in addition to the secret, the token and the requester's IP address. */
  readonly parameters: (siteKey: string) => Readonly<Record<string, string>>
  /** The number of tries. A token is valid once, so only a provider that recognizes a repeated request may get a second one. */
  readonly tries: 1 | 2
  /** Whether the response contains the action that the widget was solved for. */
  readonly returnsAction: boolean
  /** The hostname in the response for a widget with a published test key. */
  readonly testHostname: string
}

/** Both accept a form; Turnstile accepts JSON as well. */
const PROVIDER_APIS: Readonly<Record<SiteverifyProvider, ProviderApi>> = {
  // https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
  turnstile: {
    endpoint: 'https://challenges.cloudflare.com/turnstile/v0/siteverify',
    maxTokenLength: 2_048,
    parameters: () => ({ idempotency_key: crypto.randomUUID() }),
    tries: 2,
    returnsAction: true,
    testHostname: 'example.com',
  },
  // https://docs.hcaptcha.com/#verify-the-user-response-server-side
  hcaptcha: {
    endpoint: 'https://api.hcaptcha.com/siteverify',
    maxTokenLength: 4_096,
    parameters: (siteKey) => ({ sitekey: siteKey }),
    tries: 1,
    returnsAction: false,
    testHostname: 'dummy-key-pass',
  },
}

/** How long one request to the provider may take. */
export const REQUEST_TIMEOUT_MS = 4_000
/** RFC 9110 section 11.2 (token68): all providers' tokens have this form, so other text is refused without a request. */
const TOKEN = /^[\w.~+/-]+=*$/
/** A token that no provider accepts. */
const INVALID_TOKEN = 'none'

const responseSchema = z.object({
  success: z.boolean(),
  hostname: z.nullish(z.string()),
  action: z.nullish(z.string()),
  'error-codes': z.nullish(z.array(z.string())),
})
type SiteverifyResponse = z.infer<typeof responseSchema>

/** An error of the provider itself. */
const INTERNAL_ERROR = 'internal-error'
/** Codes that no request of a user can cause. */
const SECRET_ERRORS: readonly string[] = ['missing-input-secret', 'invalid-input-secret']
/** From hCaptcha: our site key is wrong, or the user's widget was shown with another. */
const SITE_KEY_MISMATCH = 'sitekey-secret-mismatch'
/** The other documented codes; undocumented ones mean `rejected`. Turnstile has one code for expired and used tokens. */
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
  readonly #api: ProviderApi

  constructor(config: SiteverifyConfig) {
    this.#config = config
    this.#api = PROVIDER_APIS[config.provider]
  }

  async issue({ action }: Pick<ChallengeRequest, 'action'>): Promise<Challenge> {
    const { provider, siteKey } = this.#config
    return { provider, action, site_key: siteKey }
  }

  /** @throws {ServiceError} `challenge_unavailable`; `misconfigured` if the provider refuses our keys */
  async verify(token: string, { action, address }: ChallengeRequest): Promise<Verification> {
    if (token.length > this.#api.maxTokenLength || !TOKEN.test(token)) return failed(['malformed'])
    const response = await this.#request(this.#form({ response: token, remoteip: address }), this.#api.tries)
    const codes = response['error-codes'] ?? []
    if (codes.some((code) => SECRET_ERRORS.includes(code))) throw this.#misconfigured(codes)
    if (codes.includes(SITE_KEY_MISMATCH)) log('warn', 'challenge_site_key_mismatch')
    const reasons = response.success ? this.#mismatches(response, action) : reasonsOf(codes)
    return reasons.length === 0 ? { solved: true, challenge: null } : failed(reasons)
  }

  /** @returns whether the provider responds at all, to a request with an invalid token */
  async isAvailable(): Promise<boolean> {
    try {
      await this.#post(this.#form({ response: INVALID_TOKEN }))
      return true
    } catch {
      return false
    }
  }

  #mismatches(
    { action, hostname }: SiteverifyResponse,
    expected: ChallengeAction,
  ): readonly ChallengeFailure[] {
    const { testing } = this.#config
    const { returnsAction, testHostname } = this.#api
    const omitsAction = testing && typeof action !== 'string'
    const isTestHost = testing && hostname === testHostname
    const failures: readonly (readonly [boolean, ChallengeFailure])[] = [
      [returnsAction && !omitsAction && action !== expected, 'wrong_action'],
      [!isTestHost && !this.#isListed(hostname ?? ''), 'rejected'],
    ]
    return failures.filter(([fails]) => fails).map(([, reason]) => reason)
  }

  #isListed(hostname: string): boolean {
    const { hostnames } = this.#config
    return hostnames.length === 0 || hostnames.includes(hostname.toLowerCase())
  }

  #form(fields: Readonly<Record<string, string>>): URLSearchParams {
    const { secret, siteKey } = this.#config
    return new URLSearchParams({ secret, ...fields, ...this.#api.parameters(siteKey) })
  }

  async #request(form: URLSearchParams, tries: number): Promise<SiteverifyResponse> {
    try {
      return await this.#post(form)
    } catch (cause) {
      if (tries > 1) return this.#request(form, tries - 1)
      throw new ServiceError('challenge_unavailable', {}, { cause })
    }
  }

  async #post(form: URLSearchParams): Promise<SiteverifyResponse> {
    const { provider, verifyUrl } = this.#config
    const httpResponse = await fetch(verifyUrl ?? this.#api.endpoint, {
      method: 'POST',
      body: form,
      // A redirect could send the secret to another server.
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    const response = parseResponse(await httpResponse.text())
    const { ok, status } = httpResponse
    if (response !== null && (response.success ? ok : status < 500 && !isInternal(response))) return response
    throw new Error(`${provider} verified nothing, with status ${status}`)
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

function isInternal(response: SiteverifyResponse): boolean {
  return response['error-codes']?.includes(INTERNAL_ERROR) === true
}

/** @returns null for text that is not a response of siteverify */
function parseResponse(text: string): SiteverifyResponse | null {
  try {
    return responseSchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function reasonsOf(codes: readonly string[]): readonly ChallengeFailure[] {
  const reasons = codes.flatMap((code) => REASONS.get(code) ?? ['rejected' as const])
  return reasons.length === 0 ? ['rejected'] : [...new Set(reasons)]
}
