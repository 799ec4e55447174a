/** Holds responses against the OpenAPI document: each must have a status, an error code and a body that its operation declares. */
import openApi from '../../dist/openapi.txt'
import { RESPONSES, type ResponseName } from '../../src/routes/responses.ts'
import type { OpenApiDocument, OpenApiOperation } from './responses.ts'

const { paths }: Pick<OpenApiDocument, 'paths'> = JSON.parse(openApi)
const templates = Object.entries(paths).map(([path, operations]) => ({
  matches: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
  operations,
}))

/** @returns the operation of a request; undefined for one that the document does not have */
function operationOf(method: string, path: string): OpenApiOperation | undefined {
  const known = templates.find(({ matches }) => matches.test(path.split('?')[0] ?? ''))
  return known?.operations[method === 'HEAD' ? 'get' : method.toLowerCase()]
}

/**
 * @returns the response, whose body is not read
 * @throws if the operation does not declare it
 */
export async function requireDeclared(method: string, path: string, response: Response): Promise<Response> {
  const operation = operationOf(method, path)
  if (operation === undefined || isPage(response)) return response
  const said = `${operation.operationId} responds ${response.status}`
  const declared = operation.responses[response.status]
  if (declared === undefined) throw new Error(`${said}, which it does not declare`)
  const body = response.clone()
  if (method !== 'HEAD' && isJson(response)) requireBody(said, declared, await body.json())
  return response
}

/** Browsers get a page in place of a problem. */
function isPage(response: Response): boolean {
  return response.headers.get('Content-Type')?.startsWith('text/html') ?? false
}

function isJson(response: Response): boolean {
  return /^application\/(problem\+)?json$/.test(response.headers.get('Content-Type') ?? '')
}

function requireBody(
  said: string,
  { content = {} }: OpenApiOperation['responses'][string],
  body: unknown,
): void {
  const [schema] = Object.values(content).map((each) => each.schema)
  const [general, narrowed] = schema?.allOf ?? [schema]
  const name = general?.$ref?.split('/').at(-1) as ResponseName | undefined
  if (name === undefined) throw new Error(`${said} with a body, which it does not declare`)
  const { error } = RESPONSES[name].safeParse(body)
  if (error !== undefined) throw new Error(`${said}, whose body is no ${name}: ${error}`)
  for (const [field, { enum: codes = [] }] of Object.entries(narrowed?.properties ?? {})) {
    const code = String(Object(body)[field])
    if (!codes.includes(code)) throw new Error(`${said} ${code}, which it does not declare`)
  }
}
