/** The pages that explain error codes, and the pages that show an error or that a page does not exist. */

import { Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { ERRORS, type ErrorCode, isErrorCode, ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { retryAfter, toServiceError } from '../http/error-response.ts'
import type { Messages } from '../messages/messages.ts'
import { toFailure } from './form-errors.ts'
import { pageLanguage, showPage, viewOf } from './layout.tsx'

interface ErrorProps {
  readonly messages: Messages
  readonly code: ErrorCode
}

/** For developers, who came here from a problem answer. */
export function ErrorExplained({ messages, code }: ErrorProps) {
  return (
    <>
      <p>{messages.errors[code][1]}</p>
      <dl>
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

/** For whoever just wanted to log in. */
export function ErrorMet({
  messages,
  code,
  message,
  requestId,
}: ErrorProps & { message: string; requestId: string }) {
  return (
    <>
      <p role="alert">{message}</p>
      <p>
        <a class="button" href="/account">
          {messages.back}
        </a>
      </p>
      <p class="hint">
        {messages.errorCode} <code>{code}</code> · {messages.requestId} <code>{requestId}</code>
      </p>
    </>
  )
}

export function errorPages() {
  const router = new Hono<AppEnv>()
  router.get('/errors/:code', pageLanguage, (c) => {
    const code = c.req.param('code')
    if (!isErrorCode(code)) throw new ServiceError('not_found')
    const { messages } = viewOf(c)
    return showPage(
      c,
      { title: messages.errors[code][0] },
      <ErrorExplained messages={messages} code={code} />,
    )
  })
  return router
}

const PROBLEM = 'application/problem+json'

/**
 * Whether a browser asks for a page: by Accept (RFC 9110 section 12.5.1), where a program says JSON or anything. Below a
 * gateway prefix the origin has the pages.
 */
export function asksForPage(c: AppContext): boolean {
  const reads = c.req.method === 'GET' || c.req.method === 'HEAD'
  const isProxied = c.get('route') !== undefined
  if (!reads || isProxied || !c.get('services').config.pages.enabled) return false
  const supports = [PROBLEM, 'application/json', 'text/html']
  return accepts(c, { header: 'Accept', supports, default: PROBLEM }) === 'text/html'
}

/** For a browser that followed a link to no page. */
export async function showNotFound(c: AppContext): Promise<Response> {
  await pageLanguage(c, async () => undefined)
  c.header('Vary', 'Accept', { append: true })
  return showError(new ServiceError('not_found'), c)
}

/** For the pages' own faults. */
export function showError(error: unknown, c: AppContext): Response | Promise<Response> {
  const serviceError = toServiceError(c, error)
  const { code } = serviceError
  const { messages } = viewOf(c)
  c.set('errorCode', code)
  for (const [name, value] of Object.entries(retryAfter(serviceError))) c.header(name, value)
  const { message } = toFailure(serviceError, messages)
  const content = (
    <ErrorMet messages={messages} code={code} message={message} requestId={c.get('requestId')} />
  )
  return showPage(c, { title: messages.errors[code][0], status: ERRORS[code].status }, content)
}
