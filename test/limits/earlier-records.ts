/**
 * What the release before keeps in a counter, and what its Worker passes to one. Literal copies: they stay as they are
 * when the source changes. Times are around FROZEN_MS of the tests' clock.
 */

/** Arguments of `look`. */
export const LOOK_REGISTRATIONS = ['registrations_per_ip', { windowMs: 300_000, threshold: 3 }] as const
export const LOOK_CLIENT = ['login_failures_per_ip', { windowMs: 300_000, threshold: 3 }] as const
export const LOOK_IDENTIFIER = ['login_failures_per_account', { windowMs: 900_000, threshold: 10 }] as const
export const LOOK_APP = ['client_failures_per_ip', { windowMs: 300_000, threshold: 10 }] as const

const ADA = '03a352db-9000-7d3e-8a1f-3c5b7d9e1f20'
/** A counter's name, which stands for whoever has no account. */
const NOBODY = 'JkT0y8mRZ4qW1vXc7pLhNg'

/** The attempt that registered 100 s ago. */
export const REGISTERED = '5d0f3c1a-7b2e-4f6a-9c8d-1e2f3a4b5c6d'
export const NEW_ATTEMPT = '1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d'
export const NONCE = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'

/** `tally:registrations_per_ip`: one of three. */
export const REGISTRATIONS = {
  format: 1,
  events: [{ id: REGISTERED, atMs: 3_999_999_900_000, account: REGISTERED }],
  furtherAtMs: [],
  keepUntilMs: 4_000_000_200_000,
} as const

/** `tally:login_failures_per_ip`: three of three, and three further ones of somebody who solved challenges. */
export const CLIENT_FAILURES = {
  format: 1,
  events: [
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e801', atMs: 3_999_999_850_000, account: ADA },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e802', atMs: 3_999_999_860_000, account: ADA },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e803', atMs: 3_999_999_870_000, account: ADA },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e804', atMs: 3_999_999_880_000, account: NOBODY },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e805', atMs: 3_999_999_890_000, account: NOBODY },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e806', atMs: 3_999_999_900_000, account: NOBODY },
  ],
  furtherAtMs: [3_999_999_880_000, 3_999_999_890_000, 3_999_999_900_000],
  keepUntilMs: 4_000_000_200_000,
} as const

/** `tally:login_failures_per_account`: two of ten. */
export const IDENTIFIER_FAILURES = {
  format: 1,
  events: [
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e802', atMs: 3_999_999_860_000, account: ADA },
    { id: '7e1c9b52-03d4-4a8e-b6f1-90a2c4d6e803', atMs: 3_999_999_870_000, account: ADA },
  ],
  furtherAtMs: [],
  keepUntilMs: 4_000_000_770_000,
} as const

/** `tally:client_failures_per_ip`: one of ten. */
export const APP_FAILURES = {
  format: 1,
  events: [{ id: 'c40a7d19-5e83-4b0f-a2d7-6f1b3c5e7a90', atMs: 3_999_999_900_000, account: 'gatehouse' }],
  furtherAtMs: [],
  keepUntilMs: 4_000_000_200_000,
} as const

/** `tally:login_failures_per_account` after a log in that cleared everything. */
export const CLEARED = { format: 1, events: [], furtherAtMs: [], keepUntilMs: 0 } as const

/** All that a client's counter keeps. */
export const OF_CLIENT = {
  'tally:registrations_per_ip': REGISTRATIONS,
  'tally:login_failures_per_ip': CLIENT_FAILURES,
  'tally:client_failures_per_ip': APP_FAILURES,
  [`nonce:${NONCE}`]: 4_000_000_180_000,
  alarm: 4_000_000_150_000,
} as const

/** All that an identifier's counter keeps. */
export const OF_IDENTIFIER = {
  'tally:login_failures_per_account': IDENTIFIER_FAILURES,
  alarm: 4_000_000_760_000,
} as const

/** The same where a log in cleared everything 30 s ago. */
export const OF_IDENTIFIER_CLEARED = {
  'tally:login_failures_per_account': CLEARED,
  alarm: 4_000_000_030_000,
} as const

/** Arguments of `reserve`. */
export const RESERVE_REGISTRATION = {
  rule: 'registrations_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  waits: true,
} as const
export const RESERVE_CLIENT = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  waits: true,
} as const
export const RESERVE_IDENTIFIER = {
  rule: 'login_failures_per_account',
  limit: { windowMs: 900_000, threshold: 10 },
  id: NEW_ATTEMPT,
  waits: false,
} as const

/** Arguments of `settle`, one of each outcome at the client's counter and at the identifier's. */
export const SETTLE_COUNTED = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  outcome: { kind: 'counted', account: ADA },
  challenged: false,
} as const
export const SETTLE_CHALLENGED = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  outcome: { kind: 'counted', account: ADA },
  challenged: true,
} as const
export const SETTLE_CLEARED = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  outcome: { kind: 'cleared', account: ADA },
  challenged: true,
} as const
export const SETTLE_ALL_CLEARED = {
  rule: 'login_failures_per_account',
  limit: { windowMs: 900_000, threshold: 10 },
  id: NEW_ATTEMPT,
  outcome: { kind: 'cleared', account: null },
  challenged: false,
} as const
export const SETTLE_VOID = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  outcome: { kind: 'void' },
  challenged: false,
} as const
export const SETTLE_REGISTERED = {
  rule: 'registrations_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: REGISTERED,
  outcome: { kind: 'counted', account: REGISTERED },
  challenged: false,
} as const
export const SETTLE_NOT_REGISTERED = {
  rule: 'registrations_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: REGISTERED,
  outcome: { kind: 'void' },
  challenged: false,
} as const

/** Argument of `prove`. */
export const PROVE = {
  rule: 'login_failures_per_ip',
  limit: { windowMs: 300_000, threshold: 3 },
  id: NEW_ATTEMPT,
  level: 1,
} as const

/** Arguments of `claim`. */
export const CLAIM = [NONCE, 4_000_000_180_000] as const
