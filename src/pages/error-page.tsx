/** GET /errors/{code}: what a problem's `type` leads to. */
import { ERRORS, type ErrorCode } from '../errors.ts'

export function ErrorPage({ code }: { code: ErrorCode }) {
  const { status, title, detail } = ERRORS[code]
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} (${code})`}</title>
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          <p>{detail}</p>
          <dl>
            <dt>Code</dt>
            <dd>
              <code>{code}</code>
            </dd>
            <dt>HTTP status</dt>
            <dd>{status}</dd>
          </dl>
        </main>
      </body>
    </html>
  )
}
