/** Objects that note what a Worker passes to them. The real ones are behind. */
import { type Bindings, intercept } from './intercept.ts'

export interface Passed {
  readonly method: string
  readonly values: readonly unknown[]
}

export function recordCalls(): { readonly bindings: Bindings; readonly passed: readonly Passed[] } {
  const passed: Passed[] = []
  const bindings = intercept((trip, work) => {
    if (trip.binding !== 'DB') passed.push({ method: trip.name, values: trip.values })
    return work()
  })
  return { bindings, passed }
}

/** Where each value stands below a call's arguments: `0.limit.windowMs`. */
export function membersOf(value: unknown, path: readonly string[] = []): readonly string[] {
  const isRecord = Object.prototype.toString.call(value) === '[object Object]'
  const members = isRecord || path.length === 0 ? Object.entries(Object(value)) : []
  if (members.length === 0 && path.length > 0) return [path.join('.')]
  return members.flatMap(([name, member]) => membersOf(member, [...path, name])).toSorted()
}

/** Of the calls of one method: which members they pass, each kind once. @param ignored members that do not matter */
export function kindsOf(passed: readonly Passed[], method: string, ignored: readonly string[] = []) {
  const calls = passed.filter((each) => each.method === method)
  const kinds = calls.map(({ values }) => membersOf(values).filter((member) => !ignored.includes(member)))
  return new Set(kinds.map((members) => members.join(' ')))
}
