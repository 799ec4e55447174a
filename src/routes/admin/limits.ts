/** Gets and changes the limits, and the rules on who may register, while the service runs. */
import { createRoute, z } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import type { CountryCode } from 'libphonenumber-js/max'
import { parseEmail, parseMailDomain, parsePhone, parseUsername } from '../../accounts/identifier.ts'
import { changeSettings, getSettings } from '../../actions/admin/manage-settings.ts'
import type { AccountsConfig } from '../../config/accounts.ts'
import { RULE_FIELDS, rulesFields } from '../../config/limits.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppEnv } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { toDateTime } from '../../http/representations.ts'
import { BEARER, createRouter, jsonRequest, jsonResponse, problem, refuseInvalid } from '../../http/route.ts'
import { perRule, RULE_ACTIONS, RULE_NAMES } from '../../limits/rules.ts'
import { hasControlCharacter } from '../../runtime/text.ts'
import type { OperatorSettings } from '../../settings/run-time-settings.ts'

function list(parse: (text: string) => string | null | undefined, message: string) {
  const entry = z.string({ error: 'Must be a string.' }).transform((text, context) => {
    const parsed = text.isWellFormed() && !hasControlCharacter(text) ? parse(text) : null
    if (typeof parsed === 'string') return parsed
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  return z.array(entry.openapi({ type: 'string' }), { error: 'Must be a list.' }).optional()
}

/** @param region of phone numbers without "+" */
function changeRequest(region: CountryCode | undefined) {
  return z
    .strictObject({
      registration_open: z.boolean({ error: 'Must be true or false.' }).optional(),
      registration_allow: z
        .strictObject(
          {
            email_domains: list(parseMailDomain, 'Must be a domain such as example.com.'),
            emails: list((text) => parseEmail(text)?.shown, 'Must be an email address.'),
            phones: list((text) => parsePhone(text, region)?.shown, 'Must be a valid phone number.'),
            usernames: list((text) => parseUsername(text)?.shown, 'Must be a username.'),
          },
          'Must be an object.',
        )
        .optional(),
      rules: rulesFields.optional(),
      updated_at: readOnly,
      updated_by: readOnly,
    })
    .openapi('LimitsChange')
}

/** Accepted so that an edited response can be sent as a request. */
const readOnly = z.unknown().optional().openapi({ description: 'Ignored.' })

const ruleResponse = z
  .object({
    enabled: z.boolean(),
    window_seconds: z.number().openapi({ type: 'integer' }),
    threshold: z.number().openapi({ type: 'integer' }),
    action: z.enum(RULE_ACTIONS),
  })
  .openapi('LimitRule')

const limitsResponse = z
  .object({
    registration_open: z.boolean(),
    registration_allow: z.object({
      email_domains: z.array(z.string()),
      emails: z.array(z.string()),
      phones: z.array(z.string()),
      usernames: z.array(z.string()),
    }),
    rules: z.object(perRule(() => ruleResponse)),
    updated_at: z.string().nullable().openapi({ format: 'date-time' }),
    updated_by: z.string().nullable().openapi({ description: 'An account id, or "admin_token".' }),
  })
  .openapi('Limits')

const getRoute = createRoute({
  method: 'get',
  path: '/admin/limits',
  summary: 'Get the limits',
  security: BEARER,
  middleware: [requireAdmin],
  responses: { 200: jsonResponse('The limits', limitsResponse), default: problem },
})

const changeRoute = (request: ReturnType<typeof changeRequest>) =>
  createRoute({
    method: 'put',
    path: '/admin/limits',
    summary: 'Change any part of the limits',
    security: BEARER,
    middleware: adminAndJsonBody,
    request: { body: jsonRequest(request) },
    responses: { 200: jsonResponse('The limits', limitsResponse), default: problem },
  })

/** The allowed values differ between rules, so the handler checks them. */
const ruleChange = z
  .looseObject({})
  .openapi('LimitRuleChange', { description: 'Any of the fields of a LimitRule.' })

const rulePath = z.object({ rule: z.enum(RULE_NAMES) })

/** Responds 404 to an unknown rule before the requester is authenticated. */
const knownRuleOnly = createMiddleware<AppEnv>(async (c, next) => {
  if (!rulePath.safeParse(c.req.param()).success) throw new ServiceError('not_found')
  await next()
})

const getRuleRoute = createRoute({
  method: 'get',
  path: '/admin/limits/{rule}',
  summary: 'Get one rule',
  security: BEARER,
  middleware: [knownRuleOnly, requireAdmin],
  request: { params: rulePath },
  responses: { 200: jsonResponse('The rule', ruleResponse), default: problem },
})

const changeRuleRoute = createRoute({
  method: 'put',
  path: '/admin/limits/{rule}',
  summary: 'Change any part of one rule',
  security: BEARER,
  middleware: [knownRuleOnly, ...adminAndJsonBody],
  request: { params: rulePath, body: jsonRequest(ruleChange) },
  responses: { 200: jsonResponse('The rule', ruleResponse), default: problem },
})

export function limitsRoutes({ defaultPhoneRegion }: AccountsConfig) {
  const router = createRouter()

  router.openapi(getRoute, async (c) => c.json(toLimits(await getSettings(c.get('ctx'))), 200))

  router.openapi(changeRoute(changeRequest(defaultPhoneRegion)), async (c) => {
    const { updated_at, updated_by, ...change } = c.req.valid('json')
    return c.json(toLimits(await changeSettings(c.get('ctx'), change)), 200)
  })

  router.openapi(getRuleRoute, async (c) => {
    const { rules } = await getSettings(c.get('ctx'))
    return c.json(rules[c.req.valid('param').rule], 200)
  })

  router.openapi(changeRuleRoute, async (c) => {
    const { rule } = c.req.valid('param')
    // The raw body, since the schema for OpenAPI drops unknown fields.
    const fields = RULE_FIELDS[rule].safeParse(await c.req.json())
    refuseInvalid(fields)
    const { rules } = await changeSettings(c.get('ctx'), { rules: { [rule]: fields.data } })
    return c.json(rules[rule], 200)
  })

  return router
}

function toLimits(settings: OperatorSettings): z.infer<typeof limitsResponse> {
  const { registrationOpen, registrationAllow, rules, updatedAt, updatedBy } = settings
  const { email_domains, emails, phones, usernames } = registrationAllow
  return {
    registration_open: registrationOpen,
    registration_allow: {
      email_domains: [...email_domains],
      emails: [...emails],
      phones: [...phones],
      usernames: [...usernames],
    },
    rules,
    updated_at: updatedAt === null ? null : toDateTime(updatedAt * 1000),
    updated_by: updatedBy,
  }
}
