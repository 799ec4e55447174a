/** How a client stands with its limits, as draft-ietf-httpapi-ratelimit-headers says it: Structured Fields (RFC 9651). */
import type { RuleName } from '../config/limits.ts'
import type { LimitReport } from '../services.ts'
import type { AppContext } from './context.ts'

/** @returns what notes a report; of one rule the last counts. */
export function rateLimitHeaders(c: AppContext): (report: LimitReport) => void {
  const reports = new Map<RuleName, LimitReport>()
  return (report) => {
    reports.set(report.name, report)
    const list = [...reports.values()]
    c.header('RateLimit-Policy', list.map(toPolicy).join(', '))
    c.header('RateLimit', list.map(toState).join(', '))
  }
}

function toPolicy({ name, limit }: LimitReport): string {
  return `"${name}";q=${limit.threshold};w=${limit.windowMs / 1000}`
}

function toState({ name, status }: LimitReport): string {
  return `"${name}";r=${status.remaining};t=${Math.ceil(status.resetInMs / 1000)}`
}
