import { describe, expectTypeOf, it } from 'vitest'
import type { Challenge as ServiceChallenge } from '../../src/challenge/challenge.ts'
import type * as client from '../../src/client/wire.ts'
import type { ErrorCode } from '../../src/errors/codes.ts'
import type { ProblemMembers } from '../../src/errors/service-error.ts'
import type { toTokenResponse, toUser } from '../../src/routes/representations.ts'

/** The type checker enforces these rules: the browser SDK imports nothing from the service. */
describe('types of the browser SDK', () => {
  it('lists exactly the error codes of the service', () => {
    expectTypeOf<client.ServiceErrorCode>().toEqualTypeOf<ErrorCode>()
  })

  it('matches the members of the responses and problems of the service', () => {
    expectTypeOf<ReturnType<typeof toUser>>().toExtend<client.User>()
    expectTypeOf<ReturnType<typeof toTokenResponse>>().toExtend<client.TokenResponse>()
    expectTypeOf<ServiceChallenge>().toExtend<client.Challenge>()
    expectTypeOf<ProblemMembers>().toExtend<Partial<client.Problem>>()
  })
})
