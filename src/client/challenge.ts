/** Challenges: repeats a request that requires one, and shows the widgets of ALTCHA, Turnstile and hCaptcha. */
import { GatehouseError } from './errors.ts'
import type { Challenge } from './wire.ts'

/**
 * Solves a challenge.
 * @param attempt aborted when the call that needs the solution has ended, or another challenge replaces this one
 * @returns the solution that the widget produced
 */
export type SolveChallenge = (challenge: Challenge, attempt: AbortSignal) => Promise<string>

/** The field of a request for the solution of a challenge; empty if none is required. */
export interface Solution {
  readonly challenge?: string
}

export interface WidgetOptions {
  /** The service's URL. The service serves ALTCHA's widget. */
  readonly url: string
  /** The widget's language, such as `zh`. Default: the page's language. */
  readonly language?: string
  /** URLs of the providers' scripts that replace the default ones. */
  readonly scripts?: { readonly turnstile?: string; readonly hcaptcha?: string }
}

/** The part of the widget API that Turnstile and hCaptcha share. */
interface WidgetApi {
  render: (container: HTMLElement, options: object) => string
  remove: (id: string) => void
}

type ShowWidget = (element: HTMLElement, challenge: Challenge, options: WidgetOptions) => Promise<Widget>

interface Widget {
  readonly solution: Promise<string>
  readonly remove: () => void
}

const SCRIPTS = {
  turnstile: 'https://challenges.cloudflare.com/turnstile/v0/api.js',
  hcaptcha: 'https://js.hcaptcha.com/1/api.js',
}
const SHOW_WIDGET: Readonly<Record<Challenge['provider'], ShowWidget>> = {
  altcha: showAltcha,
  turnstile: showHostedWidget,
  hcaptcha: showHostedWidget,
}

/**
 * The service may require a second challenge for one call, and a solution may expire before it is sent. More challenges than
 * this end the call.
 */
const MAX_CHALLENGES = 3

/** Scripts and style sheets that are loaded or loading, by URL. */
const loading = new Map<string, Promise<void>>()

/**
 * Calls without a solution first, then with the solution of each challenge that the service requires.
 * @throws what `call` throws; {GatehouseError} `challenge_not_shown`
 */
export async function withChallenges<T>(
  solve: SolveChallenge | undefined,
  call: (solution: Solution) => Promise<T>,
): Promise<T> {
  let required: Challenge | null = null
  for (let solved = 0; ; solved++) {
    const attempt = new AbortController()
    try {
      const challenge: string | undefined = required ? await solve?.(required, attempt.signal) : undefined
      return await call(challenge === undefined ? {} : { challenge })
    } catch (error) {
      required = challengeOf(error)
      if (required === null || solve === undefined || solved === MAX_CHALLENGES) throw error
    } finally {
      attempt.abort()
    }
  }
}

function challengeOf(error: unknown): Challenge | null {
  const problem = error instanceof GatehouseError ? error.problem : undefined
  const hasChallenge = problem?.code === 'challenge_required' || problem?.code === 'challenge_failed'
  return hasChallenge ? problem.challenge : null
}

/**
 * @param element shows the widget while a challenge is open; it is emptied after each attempt, because a solution is accepted
 * only once
 * @returns the `challenge` option of `createClient`
 */
export function challengeIn(element: HTMLElement, options: WidgetOptions): SolveChallenge {
  return async (challenge, attempt) => {
    try {
      const { solution, remove } = await SHOW_WIDGET[challenge.provider](element, challenge, options)
      attempt.addEventListener('abort', remove)
      return await solution
    } catch (cause) {
      const message = `The ${challenge.provider} widget could not be loaded or failed.`
      throw new GatehouseError('challenge_not_shown', message, { cause })
    }
  }
}

async function showAltcha(
  element: HTMLElement,
  { parameters }: Challenge,
  options: WidgetOptions,
): Promise<Widget> {
  const language = options.language ?? document.documentElement.lang
  await loadAltcha(options.url, language)
  const widget = document.createElement('altcha-widget')
  const settings = {
    auto: 'onload',
    language: toAltchaLanguage(language),
    challenge: JSON.stringify(parameters),
  }
  for (const [name, value] of Object.entries(settings)) widget.setAttribute(name, value)
  const solution = new Promise<string>((resolve, reject) => {
    widget.addEventListener('statechange', (event) => {
      const { state, payload } = (event as CustomEvent<{ state: string; payload: string }>).detail
      if (state === 'verified') resolve(payload)
      if (state === 'error' || state === 'expired')
        reject(new Error(`The widget reported the state "${state}".`))
    })
  })
  element.replaceChildren(widget)
  return { solution, remove: () => widget.remove() }
}

/** Loads the build for a strict Content Security Policy. A widget that the page has registered itself is kept. */
async function loadAltcha(url: string, language: string): Promise<void> {
  if (customElements.get('altcha-widget') !== undefined) return
  const folder = `${url}/assets/altcha`
  await Promise.all([loadScript(`${folder}/altcha.js`, 'module'), loadStyles(`${folder}/altcha.css`)])
  const texts = toAltchaLanguage(language)
  if (texts !== 'en') await loadScript(`${folder}/${texts}.js`, 'module')
  const { algorithms } = (
    globalThis as unknown as { $altcha: { algorithms: Map<string, () => Promise<Worker>> } }
  ).$altcha
  algorithms.set('PBKDF2/SHA-256', () => startWorker(`${folder}/pbkdf2.js`))
}

/** The names of the widget's texts, by language. */
const ALTCHA_LANGUAGES: ReadonlyMap<string, string> = new Map([
  ['ar', 'ar'],
  ['de', 'de'],
  ['zh', 'zh-cn'],
])

/** @param language a BCP 47 tag, or an empty string */
function toAltchaLanguage(language: string): string {
  if (/^zh-(?:hant|tw|hk|mo)\b/i.test(language)) return 'zh-tw'
  const [name = ''] = language.toLowerCase().split('-')
  return ALTCHA_LANGUAGES.get(name) ?? 'en'
}

/** Browsers accept worker scripts only from the page's own origin or from a blob. */
async function startWorker(url: string): Promise<Worker> {
  if (new URL(url).origin === location.origin) return new Worker(url)
  const code = await (await fetch(url)).blob()
  return new Worker(URL.createObjectURL(code))
}

async function showHostedWidget(
  element: HTMLElement,
  challenge: Challenge,
  options: WidgetOptions,
): Promise<Widget> {
  const provider = challenge.provider === 'hcaptcha' ? 'hcaptcha' : 'turnstile'
  await loadScript(`${options.scripts?.[provider] ?? SCRIPTS[provider]}?render=explicit`)
  const api = (globalThis as unknown as Record<typeof provider, WidgetApi>)[provider]
  const container = document.createElement('div')
  element.replaceChildren(container)
  let id: string | null = null
  const solution = new Promise<string>((resolve, reject) => {
    id = api.render(container, {
      sitekey: challenge.site_key,
      action: challenge.action,
      callback: resolve,
      'error-callback': (reason: unknown) => reject(new Error(String(reason))),
    })
  })
  const remove = () => {
    if (id !== null) api.remove(id)
    container.remove()
  }
  return { solution, remove }
}

/** @throws if the script cannot be loaded; the next call tries again */
function loadScript(url: string, type: '' | 'module' = ''): Promise<void> {
  return loadOnce(url, () => Object.assign(document.createElement('script'), { src: url, type, async: true }))
}

function loadStyles(url: string): Promise<void> {
  return loadOnce(url, () => Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }))
}

function loadOnce(url: string, make: () => HTMLElement): Promise<void> {
  const earlier = loading.get(url)
  if (earlier !== undefined) return earlier
  const element = make()
  const loaded = new Promise<void>((resolve, reject) => {
    element.addEventListener('load', () => resolve())
    element.addEventListener('error', () => {
      loading.delete(url)
      element.remove()
      reject(new Error(`Could not load ${url}.`))
    })
  })
  loading.set(url, loaded)
  document.head.append(element)
  return loaded
}
