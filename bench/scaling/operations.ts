/**
 * What each request costs in a warm isolate without replicas. The numbers of round trips are those of
 * test/flows/budgets.test.ts. Rows were counted in workerd, by D1's `meta` and by the calls of an object's storage: a read of
 * an absent key counts as one row, `deleteAll` as the rows that it deletes.
 */

export interface Operation {
  readonly label: string
  /** Billed requests to the Worker. */
  readonly requests: number
  /** On a laptop. The time of a derivation was measured, the rest is rounded up from request rates. */
  readonly localCpuMs: number
  readonly d1Reads: number
  /** Round trips that write. A batch counts as one, also above. */
  readonly d1Writes: number
  readonly d1RowsRead: number
  readonly d1RowsWritten: number
  readonly rpcs: number
  /** Alarms that it causes later: each is also a request to its object. */
  readonly alarms: number
  readonly objectRowsRead: number
  /** A put, a delete and a `setAlarm` count as one each. */
  readonly objectRowsWritten: number
  readonly logLines: number
}

/** 600,000 iterations in six derivations: 85 ms on a laptop, up to 250 ms on Cloudflare's machines. */
const DERIVATION_CPU_MS = 85
/** How many times as long a derivation takes there; also used for the rest. */
export const PRODUCTION_TO_LOCAL_CPU = 250 / DERIVATION_CPU_MS

const NOTHING: Omit<Operation, 'label'> = {
  requests: 0,
  localCpuMs: 0,
  d1Reads: 0,
  d1Writes: 0,
  d1RowsRead: 0,
  d1RowsWritten: 0,
  rpcs: 0,
  alarms: 0,
  objectRowsRead: 0,
  objectRowsWritten: 0,
  logLines: 0,
}

const CALL = { ...NOTHING, requests: 1, logLines: 1 }

export const OPERATIONS = {
  register: {
    ...CALL,
    label: 'register',
    localCpuMs: DERIVATION_CPU_MS + 2,
    d1Writes: 1,
    d1RowsRead: 3,
    d1RowsWritten: 5,
    rpcs: 3,
    alarms: 1,
    objectRowsRead: 14,
    objectRowsWritten: 9,
  },
  login: {
    ...CALL,
    label: 'login',
    localCpuMs: DERIVATION_CPU_MS + 2,
    d1Reads: 1,
    d1RowsRead: 1,
    rpcs: 5,
    objectRowsRead: 17,
    objectRowsWritten: 2,
  },
  refresh: {
    ...CALL,
    label: 'refresh',
    localCpuMs: 1,
    rpcs: 1,
    objectRowsRead: 2,
    objectRowsWritten: 1,
  },
  me: { ...CALL, label: '`GET /auth/me`', localCpuMs: 0.5, rpcs: 1, objectRowsRead: 2 },
  /** Writes no log line, unlike the gateway. */
  verify: { ...CALL, label: '`/auth/verify`', localCpuMs: 0.2, logLines: 0 },
  wrongPassword: {
    ...CALL,
    label: 'failed login, the first in its window',
    localCpuMs: DERIVATION_CPU_MS + 2,
    d1Reads: 1,
    d1RowsRead: 1,
    rpcs: 4,
    alarms: 2,
    objectRowsRead: 18,
    objectRowsWritten: 10,
  },
  challenged: {
    ...CALL,
    label: 'attempt without the required challenge',
    localCpuMs: 3,
    rpcs: 1,
    objectRowsRead: 2,
  },
  change: {
    ...CALL,
    label: 'change of password or identifiers',
    localCpuMs: 2 * DERIVATION_CPU_MS + 2,
    d1Reads: 1,
    d1Writes: 2,
    d1RowsRead: 9,
    d1RowsWritten: 7,
    rpcs: 8,
    alarms: 1,
    objectRowsRead: 28,
    objectRowsWritten: 6,
  },
  accountAlarm: {
    ...NOTHING,
    label: "an account object's alarm, once a month",
    alarms: 1,
    objectRowsRead: 4,
    objectRowsWritten: 3,
  },
  /** One batch. Rows: three signing keys, the naming key, the settings. Keys are imported only when they have changed. */
  readRecord: {
    ...NOTHING,
    label: 'keys and settings, by each isolate',
    localCpuMs: 0.2,
    d1Reads: 1,
    d1RowsRead: 5,
  },
  /** The claim of events is a write, even if it finds none. */
  cronOutbox: {
    ...NOTHING,
    label: 'cron, every minute, with an empty outbox',
    requests: 1,
    localCpuMs: 1,
    d1Writes: 1,
    d1RowsRead: 4,
  },
  cronKeys: {
    ...NOTHING,
    label: 'cron, every 5 min, with the signing keys',
    requests: 1,
    localCpuMs: 5,
    d1Reads: 2,
    d1Writes: 1,
    d1RowsRead: 12,
  },
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof OPERATIONS
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[]
