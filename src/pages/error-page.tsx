/** An error, explained: where a problem's `type` leads, and what a page that fails shows. */
import { ERRORS, type ErrorCode } from '../errors/service-error.ts'
import type { Messages } from '../messages/messages.ts'

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
