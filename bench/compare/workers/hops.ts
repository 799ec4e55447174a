/** Runs a service whose round trips are delayed, and adds to each response how many of them were in a row before it. */
import { CriticalPath } from '../../../test/support/critical-path.ts'

/** The response with the work that continues after it. */
type Serve = (request: Request, context: ExecutionContext) => Promise<Response>

/** @param create a new isolate of the service, whose round trips are delayed by the path */
export function countHops<Env>(create: (path: CriticalPath) => Serve): ExportedHandler<Env> {
  const newIsolate = () => {
    const path = new CriticalPath()
    return { path, serve: create(path) }
  }
  let warm: ReturnType<typeof newIsolate> | null = null
  return {
    fetch: async (request, _env, context) => {
      warm ??= newIsolate()
      const { path, serve } = request.headers.has('X-New-Isolate') ? newIsolate() : warm
      path.reset()
      const later: Promise<unknown>[] = []
      const waitUntil = (work: Promise<unknown>) => void later.push(work)
      const response = await serve(request, Object.assign(Object.create(context), { waitUntil }))
      const headers = new Headers(response.headers)
      headers.set('X-Hops', String(path.hops))
      // The next request must not count them.
      await Promise.allSettled(later)
      return new Response(response.body, { status: response.status, headers })
    },
  }
}
