/** A Worker with Gatehouse's bindings that reads from D1 once for each request, and does nothing else. */
import { DurableObject } from 'cloudflare:workers'

export class AccountObject extends DurableObject {}
export class AttemptCounter extends DurableObject {}

export default {
  fetch: async (_request, { DB }) => Response.json(await DB.prepare('SELECT * FROM signing_keys').all()),
} satisfies ExportedHandler<{ readonly DB: D1Database }>
