/** Challenges: the widgets of ALTCHA, Turnstile and hCaptcha, shown in an element of the page. */
import { GatehouseError } from './errors.ts'
import type { Challenge } from './wire.ts'

/**
 * Solves a challenge.
 * @param attempt ends when the call that needed the answer is over, or another challenge takes this one's place
 * @returns what the widget gave
 */
export type SolveChallenge = (challenge: Challenge, attempt: AbortSignal) => Promise<string>

export interface WidgetOptions {
  /** The service's address, which serves ALTCHA's widget. */
  readonly url: string
  /** Of the widget's words, such as `zh`. Default: the page's. */
  readonly language?: string
  /** In place of the providers' own addresses of their scripts. */
  readonly scripts?: { readonly turnstile?: string; readonly hcaptcha?: string }
}

/** As much of Turnstile's and hCaptcha's interface as both have. */
interface WidgetApi {
  render: (place: HTMLElement, options: object) => string
  remove: (id: string) => void
}

type Show = (place: HTMLElement, challenge: Challenge, options: WidgetOptions) => Promise<Shown>

interface Shown {
  readonly answer: Promise<string>
  readonly remove: () => void
}

const SCRIPTS = {
  turnstile: 'https://challenges.cloudflare.com/turnstile/v0/api.js',
  hcaptcha: 'https://js.hcaptcha.com/1/api.js',
}
const SHOW: Readonly<Record<Challenge['provider'], Show>> = {
  altcha: showAltcha,
  turnstile: showProvided,
  hcaptcha: showProvided,
}

/** By address. */
const loading = new Map<string, Promise<void>>()

/**
 * @param element where the widget appears while a challenge is to be solved; it is emptied after each attempt, since no
 * answer counts twice
 * @returns for `createClient`
 */
export function challengeIn(element: HTMLElement, options: WidgetOptions): SolveChallenge {
  return async (challenge, attempt) => {
    try {
      const { answer, remove } = await SHOW[challenge.provider](element, challenge, options)
      attempt.addEventListener('abort', remove)
      return await answer
    } catch (cause) {
      throw new GatehouseError('challenge_not_shown', `${challenge.provider}: the widget does not work`, {
        cause,
      })
    }
  }
}

async function showAltcha(
  place: HTMLElement,
  { parameters }: Challenge,
  options: WidgetOptions,
): Promise<Shown> {
  const language = options.language ?? document.documentElement.lang
  await loadAltcha(options.url, language)
  const widget = document.createElement('altcha-widget')
  const settings = {
    auto: 'onload',
    language: toAltchaLanguage(language),
    challenge: JSON.stringify(parameters),
  }
  for (const [name, value] of Object.entries(settings)) widget.setAttribute(name, value)
  const answer = new Promise<string>((resolve, reject) => {
    widget.addEventListener('statechange', (event) => {
      const { state, payload } = (event as CustomEvent<{ state: string; payload: string }>).detail
      if (state === 'verified') resolve(payload)
      if (state === 'error' || state === 'expired') reject(new Error(`the widget's state is ${state}`))
    })
  })
  place.replaceChildren(widget)
  return { answer, remove: () => widget.remove() }
}

/** The build for a strict Content Security Policy; a page that has brought its own widget keeps it. */
async function loadAltcha(url: string, language: string): Promise<void> {
  if (customElements.get('altcha-widget') !== undefined) return
  const folder = `${url}/assets/altcha`
  await Promise.all([loadScript(`${folder}/altcha.js`, 'module'), loadStyles(`${folder}/altcha.css`)])
  if (toAltchaLanguage(language) !== 'en') await loadScript(`${folder}/zh-cn.js`, 'module')
  const { algorithms } = (
    globalThis as unknown as { $altcha: { algorithms: Map<string, () => Promise<Worker>> } }
  ).$altcha
  algorithms.set('PBKDF2/SHA-256', () => startWorker(`${folder}/pbkdf2.js`))
}

function toAltchaLanguage(language: string): string {
  return language.startsWith('zh') ? 'zh-cn' : 'en'
}

/** A worker must be of the page's own origin, or a blob. */
async function startWorker(url: string): Promise<Worker> {
  if (new URL(url).origin === location.origin) return new Worker(url)
  const code = await (await fetch(url)).blob()
  return new Worker(URL.createObjectURL(code))
}

async function showProvided(
  place: HTMLElement,
  challenge: Challenge,
  options: WidgetOptions,
): Promise<Shown> {
  const provider = challenge.provider === 'hcaptcha' ? 'hcaptcha' : 'turnstile'
  await loadScript(`${options.scripts?.[provider] ?? SCRIPTS[provider]}?render=explicit`)
  const api = (globalThis as unknown as Record<typeof provider, WidgetApi>)[provider]
  const box = document.createElement('div')
  place.replaceChildren(box)
  let id: string | null = null
  const answer = new Promise<string>((resolve, reject) => {
    id = api.render(box, {
      sitekey: challenge.site_key,
      action: challenge.action,
      callback: resolve,
      'error-callback': (reason: unknown) => reject(new Error(String(reason))),
    })
  })
  const remove = () => {
    if (id !== null) api.remove(id)
    box.remove()
  }
  return { answer, remove }
}

/** @throws where it cannot be loaded; the next call tries again */
function loadScript(url: string, type: '' | 'module' = ''): Promise<void> {
  return once(url, () => Object.assign(document.createElement('script'), { src: url, type, async: true }))
}

function loadStyles(url: string): Promise<void> {
  return once(url, () => Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }))
}

function once(url: string, make: () => HTMLElement): Promise<void> {
  const earlier = loading.get(url)
  if (earlier !== undefined) return earlier
  const element = make()
  const loaded = new Promise<void>((resolve, reject) => {
    element.addEventListener('load', () => resolve())
    element.addEventListener('error', () => {
      loading.delete(url)
      element.remove()
      reject(new Error(`could not load ${url}`))
    })
  })
  loading.set(url, loaded)
  document.head.append(element)
  return loaded
}
