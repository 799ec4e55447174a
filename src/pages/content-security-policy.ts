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
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'${provider}${sourcesOf(pages.stylesheet)}`,
    `img-src 'self' data:${sourcesOf(pages.logo, pages.logoDark, pages.favicon)}`,
    `connect-src 'self'${provider}${fakeScript === undefined ? '' : ` ${new URL(fakeScript).origin}`}`,
    `frame-src ${provider === '' ? "'none'" : provider.trim()}`,
    "worker-src 'self'",
    // Chromium applies it to redirects as well, so no form may be redirected to another origin.
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** @returns a source for each address of another host, with a space before it */
function sourcesOf(...addresses: readonly (string | null)[]): string {
  const urls = addresses.flatMap((address) => (address?.startsWith('https:') ? new URL(address) : []))
  return [...new Set(urls.map(toSource))].map((source) => ` ${source}`).join('')
}

/** CSP level 3, section 2.3.1: a source has no query, and its path no semicolon and no comma. Browsers compare it decoded. */
function toSource({ origin, pathname }: URL): string {
  return origin + pathname.replaceAll(/[^\w.~!$&'()*+=:@%/-]/g, encodeURIComponent)
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
