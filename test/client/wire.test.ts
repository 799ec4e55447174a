import { describe, expectTypeOf, it } from 'vitest'
import type { Challenge as ServiceChallenge } from '../../src/challenge/challenge.ts'
import type * as client from '../../src/client/wire.ts'
import type { ERRORS, ErrorCode } from '../../src/errors/codes.ts'
import type { ProblemMembers } from '../../src/errors/service-error.ts'
import type { Weakness } from '../../src/passwords/policy.ts'
import type { toSessions, toTokenResponse, toUser } from '../../src/routes/representations.ts'

/** The problem of a code, as a `switch` over the codes narrows it. */
type ProblemOf<Code> = Extract<client.Problem, { readonly code: Code }>
/** The codes whose problem always has this member. */
type CodesWith<Member extends string> = client.Problem extends infer One
  ? One extends { readonly code: infer Code } & Readonly<Record<Member, unknown>>
    ? Code
    : never
  : never
type CodesOfStatus<Status> = {
  [Code in ErrorCode]: (typeof ERRORS)[Code]['status'] extends Status ? Code : never
}[ErrorCode]
type MembersOfAnyProblem = client.Problem extends infer One
  ? One extends unknown
    ? keyof One
    : never
  : never

/** The type checker enforces these rules: the browser SDK imports nothing from the service. */
describe('types of the browser SDK', () => {
  it('lists exactly the error codes of the service', () => {
    expectTypeOf<client.ServiceErrorCode>().toEqualTypeOf<ErrorCode>()
  })

  it('matches the responses of the service', () => {
    expectTypeOf<ReturnType<typeof toUser>>().toExtend<client.User>()
    expectTypeOf<ReturnType<typeof toTokenResponse>>().toExtend<client.TokenResponse>()
    expectTypeOf<ReturnType<typeof toSessions>['sessions'][number]>().toEqualTypeOf<
      Writable<client.Session>
    >()
    expectTypeOf<ServiceChallenge>().toExtend<client.Challenge>()
    expectTypeOf<client.PasswordReason>().toEqualTypeOf<Weakness>()
  })

  it('gives problems exactly the members that those of the service have', () => {
    expectTypeOf<MembersOfAnyProblem>().toEqualTypeOf<'code' | 'retry_after' | keyof ProblemMembers>()
  })

  it('says of each 429 and 503, and of no other error, when to try again', () => {
    expectTypeOf<CodesWith<'retry_after'>>().toEqualTypeOf<CodesOfStatus<429 | 503>>()
  })

  it('narrows a problem by its code', () => {
    const textOf = (problem: client.Problem | undefined) => {
      switch (problem?.code) {
        case 'weak_password':
          return problem.reasons.join()
        case 'invalid_request':
          return problem.errors.map(({ field }) => field).join()
        case 'challenge_required':
        case 'challenge_failed':
          return problem.challenge.provider
        case 'unavailable':
          return problem.changed === true ? 'changed' : `${problem.retry_after}`
        default:
          return problem?.detail
      }
    }
    expectTypeOf(textOf).returns.toEqualTypeOf<string | undefined>()
    expectTypeOf<ProblemOf<'not_found'>>().not.toHaveProperty('reasons')
  })

  it('allows codes of later versions, so that a switch over the codes needs a default', () => {
    expectTypeOf<Exclude<client.Problem['code'], ErrorCode>>().not.toBeNever()
    expectTypeOf<ProblemOf<client.LaterErrorCode>>().toHaveProperty('detail')
  })

  it('types the claims of a user as the page declares them', () => {
    interface Claims {
      readonly plan?: 'free' | 'paid'
    }
    expectTypeOf<client.User<Claims>['claims']['plan']>().toEqualTypeOf<'free' | 'paid' | undefined>()
    expectTypeOf<client.User['claims'][string]>().toEqualTypeOf<unknown>()
  })
})

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
