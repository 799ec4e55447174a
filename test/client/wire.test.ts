import { describe, expectTypeOf, it } from 'vitest'
import type { Challenge as ServiceChallenge } from '../../src/challenge/challenge.ts'
import type * as client from '../../src/client/wire.ts'
import type { ErrorCode, ProblemMembers } from '../../src/errors/service-error.ts'
import type { toTokenResponse, toUser } from '../../src/routes/representations.ts'

/** Held by the type checker, in every run of it. */
describe('the client, which imports nothing of the service, knows', () => {
  it('its error codes, all of them and no other', () => {
    expectTypeOf<client.ServiceErrorCode>().toEqualTypeOf<ErrorCode>()
  })

  it('what its answers and problems carry', () => {
    expectTypeOf<ReturnType<typeof toUser>>().toExtend<client.User>()
    expectTypeOf<ReturnType<typeof toTokenResponse>>().toExtend<client.TokenAnswer>()
    expectTypeOf<ServiceChallenge>().toExtend<client.Challenge>()
    expectTypeOf<ProblemMembers>().toExtend<Partial<client.Problem>>()
  })
})
