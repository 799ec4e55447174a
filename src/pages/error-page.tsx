/** An error, explained: where a problem's `type` leads, and what a page that fails shows. */
import { ERRORS, type ErrorCode } from '../errors/service-error.ts'
import type { Words } from '../messages/messages.ts'

interface ErrorProps {
  readonly words: Words
  readonly code: ErrorCode
}

/** For developers, who came here from a problem answer. */
export function ErrorExplained({ words, code }: ErrorProps) {
  return (
    <>
      <p>{words.errors[code][1]}</p>
      <dl>
        <dt>{words.errorCode}</dt>
        <dd>
          <code>{code}</code>
        </dd>
        <dt>{words.httpStatus}</dt>
        <dd>{ERRORS[code].status}</dd>
      </dl>
    </>
  )
}

/** For whoever just wanted to log in. */
export function ErrorMet({
  words,
  code,
  message,
  requestId,
}: ErrorProps & { message: string; requestId: string }) {
  return (
    <>
      <p role="alert">{message}</p>
      <p>
        <a class="button" href="/account">
          {words.back}
        </a>
      </p>
      <p class="hint">
        {words.errorCode} <code>{code}</code> · {words.requestId} <code>{requestId}</code>
      </p>
    </>
  )
}
