/**
 * Replaces the unused parts of Zod's namespace in the bundle (wrangler.toml, [alias]): its messages in fifty languages,
 * `z.compile`, `z.fromJSONSchema` and a deprecated generator of JSON Schema.
 */
const nothing = undefined

export {
  nothing as compile,
  nothing as fromJSONSchema,
  nothing as INVALID,
  nothing as JSONSchemaGenerator,
  nothing as withParser,
  nothing as ZodCompileAsyncError,
  nothing as ZodCompileUnsupportedError,
}
