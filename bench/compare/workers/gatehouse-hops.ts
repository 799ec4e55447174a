/** Gatehouse with delayed round trips. */
import { env } from 'cloudflare:workers'
import { isolateFor } from '../../../src/isolate.ts'
import { intercept } from '../../../test/support/intercept.ts'
import { countHops } from './hops.ts'

export { AttemptCounter } from '../../../src/limits/attempt-counter.ts'
export { AccountObject } from '../../../src/sessions/account-object.ts'

export default countHops((path) => {
  const own = { ...env, ...intercept(path.delay) }
  return async (request, context) => isolateFor(own).app.fetch(request, own, context)
})
