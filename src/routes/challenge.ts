/** Issues a challenge in advance of the request that needs one. */
import * as z from 'zod/mini'
import { issueChallenge } from '../actions/attempts/challenges.ts'
import { CHALLENGE_ACTIONS } from '../challenge/challenge.ts'
import { type Route, route } from '../http/route.ts'

export const CHALLENGE_ROUTE: Route = route(
  {
    method: 'get',
    path: '/auth/challenge',
    operationId: 'getChallenge',
    tag: 'Challenges',
    summary: 'Get a challenge to solve',
    request: {
      query: z.object({
        action: z.enum(CHALLENGE_ACTIONS, { error: 'Must be "login" or "register".' }),
      }),
    },
    responses: { 200: { description: 'The challenge', schema: 'Challenge' } },
    errors: ['client_ip_unknown'],
  },
  async (c, { query: { action } }) => {
    const { parameters, ...challenge } = await issueChallenge(c.get('ctx'), action)
    return c.json({ ...challenge, ...(parameters && { parameters: { ...parameters } }) })
  },
)
