/** What the stand-in of Turnstile and hCaptcha, and those who use it, both know. */

export type StandInProvider = 'turnstile' | 'hcaptcha'

/** The stand-in's own pair of keys, for both providers. */
export const SITE_KEY = 'stand-in-site-key'
export const SECRET = 'secret-key-of-the-siteverify-stand-in'

export const VERIFY_PATHS = { turnstile: '/turnstile/v0/siteverify', hcaptcha: '/siteverify' } as const

/** What happens to a call of siteverify. */
export const BEHAVIOURS = {
  /** Judges the token. */
  right: 'judges',
  /** Judges it, and the answer is lost. */
  lost: 'judges',
  /** Never answers. */
  stalls: 'fails',
  /** Begins an answer that never ends. */
  'stalls midway': 'fails',
  /** Ends the connection, before an answer or within it. */
  'hangs up': 'fails',
  'hangs up midway': 'fails',
  'status 500': 'fails',
  'status 500 that refuses': 'fails',
  /** Turns the caller away. */
  'status 429': 'fails',
  'status 403 that passes': 'fails',
  /** Says that it failed itself. */
  'internal error': 'fails',
  /** No JSON; JSON of another shape. */
  garbage: 'fails',
  'another shape': 'fails',
  /** Sends the caller, and its secret, elsewhere. */
  redirects: 'fails',
} as const
export type Behaviour = keyof typeof BEHAVIOURS

/** What a solved widget says. */
export interface Solved {
  readonly action?: string
  readonly hostname?: string
  /** How long ago it was solved. */
  readonly age_seconds?: number
  /** The site key that the widget was shown with. */
  readonly site_key?: string
}
