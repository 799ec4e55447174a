import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** In place of .dev.vars: production's rules, no secret of anybody's. */
const SETTINGS = {
  ENVIRONMENT: '',
  PUBLIC_URL: 'https://auth.example.test',
  AUTH_SECRET: 'a secret of the tests, long enough for production',
  CORS_ORIGINS: 'https://app.example.test,https://www.example.test',
}

export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: { bindings: { ...SETTINGS, SCHEMA: await readD1Migrations('.') } },
    }),
  ],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/dev/**'],
    setupFiles: ['test/support/schema.ts'],
    silent: 'passed-only',
  },
})
