/** The Content-Security-Policy of the pages. */
import type { Config } from '../config/read-config.ts'

/** The sources that the providers' documentation of CSP requires. */
const PROVIDER_SOURCES = {
  turnstile: 'https://challenges.cloudflare.com',
  hcaptcha: 'https://hcaptcha.com https://*.hcaptcha.com',
}

/** CSP level 3: a script runs if it has the nonce, or if a script with the nonce has loaded it. */
export function contentSecurityPolicy({ challenge, pages, ...config }: Config, nonce: string): string {
  const provider = challenge.siteverify === null ? '' : ` ${PROVIDER_SOURCES[challenge.siteverify.provider]}`
  const fakeScript = fakeProviderScript({ challenge, ...config })
  const logo = pages.logo?.startsWith('https:') ? ` ${new URL(pages.logo).origin}` : ''
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'${provider}`,
    `img-src 'self' data:${logo}`,
    `connect-src 'self'${provider}${fakeScript === undefined ? '' : ` ${new URL(fakeScript).origin}`}`,
    `frame-src ${provider === '' ? "'none'" : provider.trim()}`,
    "worker-src 'self'",
    // Chromium applies it to redirects as well, so no form may be redirected to another origin.
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const SCRIPT_PATHS = { turnstile: '/turnstile/v0/api.js', hcaptcha: '/1/api.js' }

/** In development, a fake provider verifies challenges on this machine. It serves the script as well. */
export function fakeProviderScript({
  challenge,
  deployment,
}: Pick<Config, 'challenge' | 'deployment'>): string | undefined {
  const { siteverify } = challenge
  if (siteverify?.verifyUrl === undefined || !deployment.development) return undefined
  return new URL(SCRIPT_PATHS[siteverify.provider], siteverify.verifyUrl).href
}
