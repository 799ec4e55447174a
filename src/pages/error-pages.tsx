/** The pages that describe the error codes, the page for an error, and the page for an address that does not exist. */

import { Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { ERRORS, type ErrorCode, isErrorCode } from '../errors/codes.ts'
import { EXPLANATIONS } from '../errors/explanations.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { retryAfter, toServiceError } from '../http/error-response.ts'
import type { Messages } from '../messages/messages.ts'
import { ButtonLink } from './components/buttons.tsx'
import { toFormErrors } from './form-errors.ts'
import { showPage } from './layout.tsx'
import { viewOf } from './view.ts'

interface ErrorProps {
  readonly messages: Messages
  readonly code: ErrorCode
}

/** For developers, who follow the link of a problem response. */
export function ErrorDescription({ messages, code }: ErrorProps) {
  const { cause, remedy } = EXPLANATIONS[code]
  return (
    <>
      <p>{messages.errors[code][1]}</p>
      <dl>
        <dt>{messages.errorCause}</dt>
        <dd lang="en">{withCode(cause)}</dd>
        <dt>{messages.errorRemedy}</dt>
        <dd lang="en">{withCode(remedy)}</dd>
        <dt>{messages.errorCode}</dt>
        <dd>
          <code>{code}</code>
        </dd>
        <dt>{messages.httpStatus}</dt>
        <dd>{ERRORS[code].status}</dd>
      </dl>
    </>
  )
}

/** Shows the names between backticks as code. */
function withCode(text: string) {
  return text.split('`').map((part, index) => (index % 2 === 0 ? part : <code>{part}</code>))
}

/** For users: an error of a page, and a link to the account. */
export function ErrorMessage({
  messages,
  code,
  message,
  requestId,
}: ErrorProps & { message: string; requestId: string }) {
  return (
    <>
      <p role="alert">{message}</p>
      <ButtonLink wide href="/account">
        {messages.goToAccount}
      </ButtonLink>
      <p class="hint">
        {messages.errorCode} <code>{code}</code> · {messages.requestId} <code>{requestId}</code>
      </p>
    </>
  )
}

export function errorPages() {
  const router = new Hono<AppEnv>()
  router.get('/errors/:code', (c) => {
    const code = c.req.param('code')
    if (!isErrorCode(code)) throw new ServiceError('not_found')
    const { messages } = viewOf(c)
    return showPage(
      c,
      { title: messages.errors[code][0] },
      <ErrorDescription messages={messages} code={code} />,
    )
  })
  return router
}

const PROBLEM = 'application/problem+json'

/**
 * Whether the requester prefers a page to JSON, by Accept (RFC 9110 section 12.5.1). A browser does. A program accepts
 * JSON, or any type. Always false below a gateway prefix, where the origin serves the pages.
 */
export function requestsPage(c: AppContext): boolean {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  const isProxied = c.get('route') !== undefined
  if (!isRead || isProxied || !c.get('ctx').services.config.pages.enabled) return false
  const supports = [PROBLEM, 'application/json', 'text/html']
  return accepts(c, { header: 'Accept', supports, default: PROBLEM }) === 'text/html'
}

/** The page for an address that does not exist. */
export function showNotFound(c: AppContext): Response | Promise<Response> {
  c.header('Vary', 'Accept', { append: true })
  return showError(new ServiceError('not_found'), c)
}

/** The page for an error that a page's route throws. */
export function showError(error: unknown, c: AppContext): Response | Promise<Response> {
  const serviceError = toServiceError(c, error)
  const { code } = serviceError
  const { messages } = viewOf(c)
  c.set('errorCode', code)
  for (const [name, value] of Object.entries(retryAfter(serviceError))) c.header(name, value)
  const { message } = toFormErrors(serviceError, messages)
  const content = (
    <ErrorMessage messages={messages} code={code} message={message} requestId={c.get('requestId')} />
  )
  return showPage(c, { title: messages.errors[code][0], status: ERRORS[code].status }, content)
}
