/** A fake provider for one test: its tokens and behaviours are separate from those of other tests. */
import { env } from 'cloudflare:workers'
import type { SiteverifyConfig } from '../../src/config/challenge.ts'
import type { Env } from '../../src/config/env.ts'
import {
  type Behaviour,
  type ProviderName,
  SECRET,
  SITE_KEY,
  type Solved,
  VERIFY_PATHS,
} from './fake-provider/protocol.ts'

export class FakeProvider {
  readonly provider: ProviderName
  readonly #id = crypto.randomUUID()

  constructor(provider: ProviderName = 'turnstile') {
    this.provider = provider
  }

  get verifyUrl(): string {
    return this.#address(VERIFY_PATHS[this.provider])
  }

  /** The settings of a deployment that uses the fake provider. */
  settings(changes: Partial<Env> = {}): Partial<Env> {
    return {
      CHALLENGE_PROVIDER: this.provider,
      CHALLENGE_SITE_KEY: SITE_KEY,
      CHALLENGE_SECRET: SECRET,
      CHALLENGE_VERIFY_URL: this.verifyUrl,
      ...changes,
    }
  }

  /** The same settings as the config that is read from them. */
  config(changes: Partial<SiteverifyConfig> = {}): SiteverifyConfig {
    return {
      provider: this.provider,
      siteKey: SITE_KEY,
      secret: SECRET,
      testing: false,
      verifyUrl: this.verifyUrl,
      hostnames: [],
      onOutage: 'refuse',
      ...changes,
    }
  }

  /** @returns the token that the widget produces once a person has solved it */
  async solve(solved: Solved = { action: 'login' }): Promise<string> {
    const { token } = await this.#call<{ token: string }>('POST', `/${this.provider}/tokens`, solved)
    return token
  }

  /** @param behaviours one for each of the next calls; the last one stays in force */
  async behave(...behaviours: readonly Behaviour[]): Promise<void> {
    await this.#call('PUT', '/behaviours', behaviours)
  }

  /** Resolves when siteverify has been called this many times. */
  async heard(calls: number): Promise<void> {
    while ((await this.forms()).length < calls);
  }

  /** The forms that siteverify has received so far. */
  forms(): Promise<readonly Readonly<Record<string, string>>[]> {
    return this.#call('GET', '/forms')
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = body === undefined ? null : JSON.stringify(body)
    return (await fetch(this.#address(path), { method, body: text })).json()
  }

  #address(path: string): string {
    return `${env.FAKE_PROVIDER_URL}${path}?instance=${this.#id}`
  }
}
