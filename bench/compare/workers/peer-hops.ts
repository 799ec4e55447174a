/** The peer with delayed round trips. */
import { env } from 'cloudflare:workers'
import { interceptDatabase } from '../../../test/support/intercept.ts'
import { countHops } from './hops.ts'
import { createPeer } from './peer.ts'

export default countHops((path) => {
  const app = createPeer(interceptDatabase(path.delay, env.DB))
  return async (request) => app.fetch(request)
})
