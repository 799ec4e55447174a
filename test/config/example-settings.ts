import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'

export const SECRET = 'a secret of the tests, long enough for production'
export const PUBLIC_URL = 'https://auth.example.com'
export const valid: Settings = { PUBLIC_URL, AUTH_SECRET: SECRET }
export const development: Settings = {
  ENVIRONMENT: 'development',
  PUBLIC_URL: 'http://localhost:8787',
  AUTH_SECRET: 'dev-0',
}

export function problemsOf(settings: Settings): readonly string[] {
  const result = readConfig(settings)
  return result.ok ? [] : result.problems.map(({ variable }) => variable)
}

export const DEFAULT_SESSIONS = {
  idleSeconds: 2_592_000,
  maxSeconds: 7_776_000,
  graceSeconds: 10,
  maxSessions: 100,
  activityDays: 90,
}

export const DEFAULT_PAGES = {
  enabled: true,
  name: 'Gatehouse',
  logo: null,
  logoDark: null,
  favicon: null,
  color: '#1f5f8b',
  colorDark: '#8ec7ee',
  background: null,
  backgroundDark: null,
  radius: 12,
  font: null,
  stylesheet: null,
  termsUrl: null,
  privacyUrl: null,
  supportUrl: null,
  identifiers: null,
  languages: ['en', 'zh-Hans', 'zh-Hant', 'de', 'ar'],
}
