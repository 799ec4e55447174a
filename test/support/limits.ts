/** The limits as operators read and change them. */
import { env } from 'cloudflare:workers'
import { admin } from './admin.ts'
import { type Fetch, ok } from './client.ts'

export const DEFAULTS = {
  registration_open: true,
  registration_allow: { email_domains: [], emails: [], phones: [], usernames: [] },
  rules: {
    registrations_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'block' },
    login_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' },
    login_failures_per_account: { enabled: true, window_seconds: 900, threshold: 10, action: 'challenge' },
    client_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 10, action: 'block' },
  },
  updated_at: null,
  updated_by: null,
}

export const readLimits = (fetch: Fetch) => ok(admin('GET', '/admin/limits', undefined, fetch))

export const changeLimits = (fetch: Fetch, body: unknown, path = '/admin/limits') =>
  ok(admin('PUT', path, body, fetch))

/** Brings the default settings back, as they are before any change. */
export async function resetSettings(): Promise<void> {
  await env.DB.batch([env.DB.prepare('DELETE FROM settings'), env.DB.prepare('DELETE FROM settings_changes')])
}
