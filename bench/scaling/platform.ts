/** The platform's published limits and prices, each with its source. Assumptions are marked. */

const DOCS = 'developers.cloudflare.com'

interface Statement {
  readonly what: string
  readonly source: string
}

interface Figure extends Statement {
  readonly value: number
}

export const MAX_DATABASE_BYTES: Figure = {
  value: 10e9,
  what: 'D1, one database: 10 GB, fixed',
  source: `${DOCS}/d1/platform/limits (stored April 2026 and later)`,
}
const ALL_DATABASES: Statement = {
  what: 'D1, all databases of an account: 1 TB, more on request; a Worker can bind about 5,000, and make 1,000 queries an invocation, 6 at once',
  source: 'the same',
}
export const D1_READ_MS: Figure = {
  value: 1,
  what: 'D1 runs one query at a time: 1,000 a second at 1 ms each; a read by an index takes less than 1 ms; assumed 1 ms, also for a batch',
  source: 'the same, "How much work can a D1 database do?"',
}
export const D1_WRITE_MS: Figure = {
  value: 5,
  what: 'a D1 write takes "several" ms: assumed 5 ms, also for a batch',
  source: 'the same',
}
const REPLICAS: Statement = {
  what: 'D1 read replicas: beta, in every region, at no extra cost; switching them off takes up to 24 hours',
  source: `${DOCS}/d1/best-practices/read-replication`,
}
const TIME_TRAVEL: Statement = {
  what: 'D1 Time Travel: any minute of 30 days, in place; it cannot copy a database',
  source: `${DOCS}/d1/reference/time-travel`,
}
export const OBJECT_REQUESTS_PER_SECOND: Figure = {
  value: 1_000,
  what: 'an object: 1,000 requests a second, a soft limit; 200 to 500 if each request writes',
  source: `${DOCS}/durable-objects/platform/limits, best-practices/rules-of-durable-objects`,
}
const EMPTY_OBJECT: Statement = {
  what: "an object's empty database: about 12 KB",
  source: `${DOCS}/durable-objects/reference/faq`,
}
export const OBJECT_BYTES: Figure = {
  value: 16e3,
  what: "an account's object with a few sessions: assumed 16 KB",
  source: 'four pages of SQLite; not measured in production',
}
export const OBJECT_MS_PER_REQUEST: Figure = {
  value: 10,
  what: 'an object is awake for an assumed 10 ms with each request; while idle and able to hibernate it costs nothing',
  source: `as in the example of ${DOCS}/durable-objects/platform/pricing`,
}
export const OBJECT_GB: Figure = {
  value: 0.128,
  what: 'an object is billed for 128 MB, regardless of its use',
  source: `${DOCS}/durable-objects/platform/pricing`,
}
export const ROUND_TRIP_MS: Figure = {
  value: 30,
  what: 'from the Worker to an object or D1 and back: assumed 30 ms',
  source: 'none; it depends on the locations',
}
export const LOG_LINE_BYTES: Figure = {
  value: 1_000,
  what: 'a log line of 300 to 500 bytes, plus what Cloudflare adds: assumed 1 KB',
  source: 'the line was measured, the rest was not',
}
export const LOG_DAYS: Figure = {
  value: 7,
  what: 'logs are kept for 7 days',
  source: `${DOCS}/observability/pricing (in force from 1 December 2026)`,
}
const CPU_OF_A_REQUEST: Statement = {
  what: 'CPU of a request: 10 ms on the Free plan; 30 s by default on Workers Paid',
  source: `${DOCS}/workers/platform/limits`,
}

export const STATEMENTS: readonly Statement[] = [
  MAX_DATABASE_BYTES,
  ALL_DATABASES,
  D1_READ_MS,
  D1_WRITE_MS,
  REPLICAS,
  TIME_TRAVEL,
  OBJECT_REQUESTS_PER_SECOND,
  EMPTY_OBJECT,
  OBJECT_BYTES,
  OBJECT_MS_PER_REQUEST,
  OBJECT_GB,
  ROUND_TRIP_MS,
  LOG_LINE_BYTES,
  LOG_DAYS,
  CPU_OF_A_REQUEST,
]

/** Workers Paid, per month. */
export const SUBSCRIPTION_USD = 5

/** The pages with the prices of Workers Paid. */
export const PRICE_PAGES = {
  Workers: `${DOCS}/workers/platform/pricing`,
  D1: `${DOCS}/d1/platform/pricing`,
  'Durable Objects': `${DOCS}/durable-objects/platform/pricing (storage billed since January 2026)`,
  Logs: `${DOCS}/observability/pricing (in force from 1 December 2026)`,
} as const

export type Product = keyof typeof PRICE_PAGES

export interface Price {
  readonly product: Product
  readonly label: string
  /** The unit of the price. */
  readonly per: 'million' | 'GB' | 'GB-month'
  /** In those units, each month. */
  readonly included: number
  readonly usd: number
}

/** Rows of D1 and of objects cost the same. */
const ROWS_READ = { per: 'million', included: 25_000, usd: 0.001 } as const
const ROWS_WRITTEN = { per: 'million', included: 50, usd: 1 } as const

export const PRICES = {
  requests: { product: 'Workers', label: 'requests', per: 'million', included: 10, usd: 0.3 },
  cpuMs: { product: 'Workers', label: 'CPU ms', per: 'million', included: 30, usd: 0.02 },
  d1RowsRead: { product: 'D1', label: 'rows read', ...ROWS_READ },
  d1RowsWritten: { product: 'D1', label: 'rows written', ...ROWS_WRITTEN },
  d1GbMonths: { product: 'D1', label: 'storage', per: 'GB-month', included: 5, usd: 0.75 },
  objectRequests: {
    product: 'Durable Objects',
    label: 'RPCs and alarms',
    per: 'million',
    included: 1,
    usd: 0.15,
  },
  objectGbSeconds: {
    product: 'Durable Objects',
    label: 'GB-s awake',
    per: 'million',
    included: 0.4,
    usd: 12.5,
  },
  objectRowsRead: { product: 'Durable Objects', label: 'rows read', ...ROWS_READ },
  objectRowsWritten: { product: 'Durable Objects', label: 'rows written', ...ROWS_WRITTEN },
  objectGbMonths: { product: 'Durable Objects', label: 'storage', per: 'GB-month', included: 5, usd: 0.2 },
  logGb: { product: 'Logs', label: 'ingested', per: 'GB', included: 50, usd: 0.25 },
  logGbMonths: { product: 'Logs', label: 'stored', per: 'GB-month', included: 12, usd: 0.1 },
} as const satisfies Record<string, Price>

export type Meter = keyof typeof PRICES
export const METERS = Object.keys(PRICES) as Meter[]
export const PRODUCTS = Object.keys(PRICE_PAGES) as Product[]
