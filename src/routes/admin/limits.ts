/** Gets and changes the limits, and the rules on who may register, while the service runs. */
import { createMiddleware } from 'hono/factory'
import type { CountryCode } from 'libphonenumber-js/max'
import * as z from 'zod/mini'
import { parseEmail, parseMailDomain, parsePhone, parseUsername } from '../../accounts/identifier.ts'
import { changeSettings, getSettings } from '../../actions/admin/manage-settings.ts'
import type { AccountsConfig } from '../../config/accounts.ts'
import { RULE_FIELDS, rulesFields } from '../../config/limits.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppEnv } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { ADMIN_ERRORS, BEARER, type Route, route, validate } from '../../http/route.ts'
import { RULE_NAMES } from '../../limits/rules.ts'
import { hasControlCharacter, toDateTime } from '../../runtime/text.ts'
import type { OperatorSettings } from '../../settings/run-time-settings.ts'
import type { Body } from '../responses.ts'

const docs = z.globalRegistry

function list(parse: (text: string) => string | null | undefined, message: string) {
  const entry = z.pipe(
    z.string({ error: 'Must be a string.' }),
    z.transform((text, { issues }) => {
      const parsed = text.isWellFormed() && !hasControlCharacter(text) ? parse(text) : null
      if (typeof parsed === 'string') return parsed
      issues.push({ code: 'custom', message, input: text })
      return z.NEVER
    }),
  )
  return z.optional(z.array(entry, { error: 'Must be a list.' }))
}

/** Accepted so that an edited response can be sent as a request. */
const readOnly = z.optional(z.unknown()).register(docs, { description: 'Ignored.' })

/** @param region of phone numbers without "+" */
function changeRequest(region: CountryCode | undefined) {
  const allowList = z.strictObject(
    {
      email_domains: list(parseMailDomain, 'Must be a domain such as example.com.'),
      emails: list((text) => parseEmail(text)?.shown, 'Must be an email address.'),
      phones: list((text) => parsePhone(text, region)?.shown, 'Must be a valid phone number.'),
      usernames: list((text) => parseUsername(text)?.shown, 'Must be a username.'),
    },
    'Must be an object.',
  )
  return z
    .strictObject({
      registration_open: z.optional(z.boolean({ error: 'Must be true or false.' })),
      registration_allow: z.optional(allowList),
      rules: z.optional(rulesFields),
      updated_at: readOnly,
      updated_by: readOnly,
    })
    .register(docs, {
      id: 'LimitsChange',
      example: { registration_open: false, rules: { registrations_per_ip: { threshold: 10 } } },
    })
}

/** The allowed values differ between rules, so the handler checks them. */
const ruleChange = z.looseObject({}).register(docs, {
  id: 'LimitRuleChange',
  description: 'Any of the fields of a LimitRule.',
  example: { threshold: 10 },
})

const rulePath = z.object({ rule: z.enum(RULE_NAMES) })

/** Responds 404 to an unknown rule before the requester is authenticated. */
const knownRuleOnly = createMiddleware<AppEnv>(async (c, next) => {
  if (!rulePath.safeParse(c.req.param()).success) throw new ServiceError('not_found')
  await next()
})

const shared = { tag: 'Administration', security: BEARER } as const

const get = route(
  {
    ...shared,
    method: 'get',
    path: '/admin/limits',
    operationId: 'getLimits',
    summary: 'Get the limits',
    middleware: [requireAdmin],
    responses: { 200: { description: 'The limits', schema: 'Limits' } },
    errors: ADMIN_ERRORS,
  },
  async (c) => c.json(toLimits(await getSettings(c.get('ctx')))),
)

function change(json: ReturnType<typeof changeRequest>): Route {
  return route(
    {
      ...shared,
      method: 'put',
      path: '/admin/limits',
      operationId: 'changeLimits',
      summary: 'Change any part of the limits',
      middleware: adminAndJsonBody,
      request: { json },
      responses: { 200: { description: 'The limits', schema: 'Limits' } },
      errors: ADMIN_ERRORS,
    },
    async (c, { json: { updated_at, updated_by, ...changes } }) =>
      c.json(toLimits(await changeSettings(c.get('ctx'), changes))),
  )
}

const getRule = route(
  {
    ...shared,
    method: 'get',
    path: '/admin/limits/{rule}',
    operationId: 'getLimitRule',
    summary: 'Get one rule',
    middleware: [knownRuleOnly, requireAdmin],
    request: { params: rulePath },
    responses: { 200: { description: 'The rule', schema: 'LimitRule' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { rule } }) => c.json((await getSettings(c.get('ctx'))).rules[rule]),
)

const changeRule = route(
  {
    ...shared,
    method: 'put',
    path: '/admin/limits/{rule}',
    operationId: 'changeLimitRule',
    summary: 'Change any part of one rule',
    middleware: [knownRuleOnly, ...adminAndJsonBody],
    request: { params: rulePath, json: ruleChange },
    responses: { 200: { description: 'The rule', schema: 'LimitRule' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { rule } }) => {
    // Not the output of the schema for OpenAPI, which drops a field named "__proto__".
    const fields = validate(RULE_FIELDS[rule], c.get('parsedBody'))
    const { rules } = await changeSettings(c.get('ctx'), { rules: { [rule]: fields } })
    return c.json(rules[rule])
  },
)

/** @returns the routes of the limits, in order */
export function limitsRoutes({
  defaultPhoneRegion,
}: Pick<AccountsConfig, 'defaultPhoneRegion'>): readonly Route[] {
  return [get, change(changeRequest(defaultPhoneRegion)), getRule, changeRule]
}

function toLimits(settings: OperatorSettings): Body<'Limits'> {
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
