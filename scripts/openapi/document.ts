/** The OpenAPI document of the API: its operations, with their schemas, as the routes declare them. Only the build runs this. */
import * as z from 'zod/mini'
import { apiRoutes } from '../../src/api.ts'
import { FORWARD_AUTH } from '../../src/gateway/forward-auth.ts'
import type { Operation } from '../../src/http/route.ts'
import { RESPONSES } from '../../src/routes/responses.ts'
import { EXAMPLES, errorResponses, HEADERS, headerRefs } from './errors.ts'

const TAGS: Readonly<Record<Operation['tag'], string>> = {
  Accounts: 'Registration, and what people do with their own account.',
  Sessions: 'Login, refresh and logout, and the list of active sessions.',
  Challenges: 'Work or proof that a request needs once too many have failed.',
  Tokens: 'How origins verify tokens, and how clients inspect and revoke them.',
  Administration: 'For operators: limits, accounts, signing keys and clients.',
  Service: 'The state of the service itself.',
}

/** @returns the document without `servers`, which the service adds */
export function openApiDocument(): object {
  const routes = apiRoutes({ defaultPhoneRegion: undefined })
  const operations = [...routes.map(({ operation }) => operation), FORWARD_AUTH]
  const schemas = schemasOf(operations)
  const paths = Map.groupBy(operations, ({ path }) => path)
  return {
    openapi: '3.1.0',
    info: { title: 'Gatehouse', version: '1', description: 'Accounts, sessions and tokens at the edge.' },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries([...paths].map(([path, all]) => [path, pathItem(all, schemas)])),
    components: {
      schemas: schemas.components,
      headers: HEADERS,
      examples: EXAMPLES,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        basic: { type: 'http', scheme: 'basic' },
      },
    },
  }
}

type Part = 'query' | 'params' | 'json' | 'form'

/** What is read of a JSON Schema. */
interface JsonSchema {
  readonly $ref?: string
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly $defs?: Readonly<Record<string, JsonSchema>>
}

interface Schemas {
  readonly components: Readonly<Record<string, JsonSchema>>
  /** By the names of `partName`. */
  readonly parts: Readonly<Record<string, JsonSchema>>
}

const partName = ({ operationId }: Operation, part: Part) => `${operationId} ${part}`

/** Converts all schemas at once, so that one that several operations use becomes one component. */
function schemasOf(operations: readonly Operation[]): Schemas {
  const parts = operations.flatMap((operation) =>
    PARTS.flatMap((part) => {
      const schema = operation.request?.[part]
      return schema === undefined ? [] : [[partName(operation, part), schema] as const]
    }),
  )
  for (const [id, schema] of Object.entries(RESPONSES))
    z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id })
  const all = z.object({ ...Object.fromEntries(parts), ...RESPONSES })
  // `input`: a field that is transformed is described as it is sent.
  const converted = z.toJSONSchema(all, { io: 'input', unrepresentable: 'any', override: finish })
  const text = JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/')
  const { $defs = {}, properties = {} }: JsonSchema = JSON.parse(text)
  return { components: $defs, parts: properties }
}

const PARTS: readonly Part[] = ['query', 'params', 'json', 'form']

interface Converted {
  readonly zodSchema: z.core.$ZodType
  readonly jsonSchema: z.core.JSONSchema.BaseSchema
}

/** @throws if an example is invalid */
function finish({ zodSchema, jsonSchema }: Converted): void {
  // These say only that a number is an integer.
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  // Generators of clients make a field with a default required. Descriptions name defaults.
  delete jsonSchema.default
  if (jsonSchema.example === undefined) return
  z.parse(zodSchema, jsonSchema.example)
  jsonSchema.examples = [jsonSchema.example]
  delete jsonSchema.example
}

function pathItem(operations: readonly Operation[], schemas: Schemas): object {
  return Object.fromEntries(operations.map((operation) => [operation.method, describe(operation, schemas)]))
}

function describe(operation: Operation, schemas: Schemas): object {
  const { operationId, tag, summary, description, security } = operation
  const parameters = [
    ...parametersOf(schemas.parts[partName(operation, 'params')], 'path'),
    ...parametersOf(schemas.parts[partName(operation, 'query')], 'query'),
  ]
  const requestBody = requestBodyOf(operation, schemas)
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(security !== undefined && { security }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody !== undefined && { requestBody }),
    responses: { ...successes(operation, schemas), ...errorResponses(operation) },
  }
}

function parametersOf(schema: JsonSchema | undefined, place: 'path' | 'query'): readonly object[] {
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...own }]) => ({
    name,
    in: place,
    required: schema?.required?.includes(name) ?? false,
    ...(description !== undefined && { description }),
    schema: own,
  }))
}

function requestBodyOf(operation: Operation, schemas: Schemas): object | undefined {
  const json = schemas.parts[partName(operation, 'json')]
  const form = schemas.parts[partName(operation, 'form')]
  const schema = json ?? form
  if (schema === undefined) return undefined
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    required: operation.bodyIsOptional !== true,
    content: { [type]: { schema, ...exampleOf(schema, schemas) } },
  }
}

function successes({ responses }: Operation, schemas: Schemas): object {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, headers = [] }]) => {
      const body = schema && { $ref: `#/components/schemas/${schema}` }
      return [
        status,
        {
          description,
          ...headerRefs(headers),
          ...(body && { content: { 'application/json': { schema: body, ...exampleOf(body, schemas) } } }),
        },
      ]
    }),
  )
}

function exampleOf({ $ref }: JsonSchema, { components }: Schemas): { readonly example?: unknown } {
  const [example] = components[$ref?.split('/').at(-1) ?? '']?.examples ?? []
  return example === undefined ? {} : { example }
}
