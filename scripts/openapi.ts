/** Writes dist/openapi.txt: the OpenAPI document, which the Worker imports as text, since few requests ask for it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const TARGET = new URL('../dist/openapi.txt', import.meta.url)
/** Not a literal, so that the types of the Worker stay out of this program. */
const RENDERER: string = fileURLToPath(new URL('openapi/document.ts', import.meta.url))
const EMPTY = 'data:text/javascript,export default ""'

// The API imports texts, of which the document needs none: one of them is the file that is written here.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('.txt') ? { url: EMPTY, shortCircuit: true } : next(specifier, context),
})
const { openApiDocument }: { readonly openApiDocument: () => object } = await import(RENDERER)
mkdirSync(new URL('.', TARGET), { recursive: true })
writeFileSync(TARGET, JSON.stringify(openApiDocument()))
