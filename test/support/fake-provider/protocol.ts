/** The terms between the fake provider, which plays Turnstile and hCaptcha, and its users. */

export type ProviderName = 'turnstile' | 'hcaptcha'

/** The key pair of the fake provider, for both providers. */
export const SITE_KEY = 'fake-provider-site-key'
export const SECRET = 'secret-key-of-the-fake-siteverify-provider'

export const VERIFY_PATHS = { turnstile: '/turnstile/v0/siteverify', hcaptcha: '/siteverify' } as const

/** How a call of siteverify behaves: it judges the token, or fails. */
export const BEHAVIOURS = {
  /** Judges the token. */
  right: 'judges',
  /** Judges the token, and its response is lost. */
  lost: 'judges',
  /** Never answers. */
  stalls: 'fails',
  /** Begins a response that never ends. */
  'stalls midway': 'fails',
  /** Ends the connection, before a response or within it. */
  'hangs up': 'fails',
  'hangs up midway': 'fails',
  'status 500': 'fails',
  'status 500 that refuses': 'fails',
  /** Refuses the caller. */
  'status 429': 'fails',
  'status 403 that passes': 'fails',
  /** Reports an error of its own. */
  'internal error': 'fails',
  /** A response that is not JSON; JSON of another shape. */
  garbage: 'fails',
  'another shape': 'fails',
  /** Redirects the caller, and its secret, to another path. */
  redirects: 'fails',
} as const
export type Behaviour = keyof typeof BEHAVIOURS

/** The properties of a solved widget. */
export interface Solved {
  readonly action?: string
  readonly hostname?: string
  /** How many seconds ago it was solved. */
  readonly age_seconds?: number
  /** The site key that the widget was shown with. */
  readonly site_key?: string
}
