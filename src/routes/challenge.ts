/** Issues a challenge in advance of the request that needs one. */
import { createRoute, z } from '@hono/zod-openapi'
import { issueChallenge } from '../actions/attempts/challenges.ts'
import { CHALLENGE_ACTIONS } from '../challenge/challenge.ts'
import { challengeSchema } from '../http/representations.ts'
import { createRouter, jsonResponse, problem } from '../http/route.ts'

export function challengeRoutes() {
  const router = createRouter()
  router.openapi(
    createRoute({
      method: 'get',
      path: '/auth/challenge',
      summary: 'Get a challenge to solve',
      request: {
        query: z.object({
          action: z.enum(CHALLENGE_ACTIONS, { error: 'Must be "login" or "register".' }),
        }),
      },
      responses: { 200: jsonResponse('The challenge', challengeSchema), default: problem },
    }),
    async (c) => {
      const { action } = c.req.valid('query')
      const { parameters, ...challenge } = await issueChallenge(c.get('ctx'), action)
      return c.json({ ...challenge, ...(parameters && { parameters: { ...parameters } }) }, 200)
    },
  )
  return router
}
