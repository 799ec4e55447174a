/** Stands in for Zod's locales in the bundle (wrangler.toml, [alias]). */
export {}
