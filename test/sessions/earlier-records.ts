/**
 * What the release before keeps in an account's object, and what its Worker passes to one. Literal copies: they stay as
 * they are when the source changes. Times are around FROZEN_MS of the tests' clock.
 */

export const ACCOUNT_ID = '03a352db-9000-7d3e-8a1f-3c5b7d9e1f20'
const PHONE_ID = '03a352e1-0c00-7a11-9b2c-0a1b2c3d4e5f'
const LAPTOP_ID = '03a352eb-5680-7c42-8d4e-5f6e7d8c9b0a'
const NEW_ID = '03a352eb-8d00-7e55-a1b2-c3d4e5f60718'

const PHONE_HASH = new Uint8Array(32).fill(0x1b)
const LAPTOP_HASH = new Uint8Array(32).fill(0x2c)
const NEW_HASH = new Uint8Array(32).fill(0x3d)
/** What the phone goes on under after it changed the password. */
const KEPT_HASH = new Uint8Array(32).fill(0x4e)

const FACTS = {
  id: ACCOUNT_ID,
  username: 'Ada',
  email: 'ada@example.test',
  emailVerified: true,
  phone: null,
  phoneVerified: false,
  roles: ['editor'],
  scopes: ['posts:write'],
  claims: { plan: 'pro', teams: [{ id: 7, owner: true }], note: null },
  disabled: false,
  createdAt: 3_999_000_000,
  updatedAt: 3_999_990_000,
} as const

/** `session:<id>`: begun two days ago, rotated thirty seconds ago and five seconds ago. */
export const PHONE = {
  format: 1,
  id: PHONE_ID,
  secretHash: PHONE_HASH,
  generation: 2,
  rotatedAt: [3_999_999_970_000, 3_999_999_995_000],
  createdAt: 3_999_827_200_000,
  lastUsedAt: 3_999_999_995_000,
  endsAt: 4_007_603_200_000,
  expiresAt: 4_002_591_995_000,
  scope: ['posts:write'],
  authTime: 3_999_827_200_000,
  amr: ['pwd'],
  clientId: 'gatehouse',
  openedUnder: 3,
  ip: '2001:db8::1',
  userAgent: 'Phone/1.0',
} as const

/** `session:<id>`: begun an hour ago, never rotated. */
export const LAPTOP = {
  format: 1,
  id: LAPTOP_ID,
  secretHash: LAPTOP_HASH,
  generation: 0,
  rotatedAt: [],
  createdAt: 3_999_996_400_000,
  lastUsedAt: 3_999_996_400_000,
  endsAt: 4_007_772_400_000,
  expiresAt: 4_002_588_400_000,
  scope: null,
  authTime: 3_999_996_400_000,
  amr: ['pwd'],
  clientId: 'gatehouse',
  openedUnder: 4,
  ip: null,
  userAgent: null,
} as const

/** `session:<id>`: the phone's after its password change 1000 s ago. */
export const KEPT_PHONE = {
  format: 1,
  id: PHONE_ID,
  secretHash: KEPT_HASH,
  generation: 0,
  rotatedAt: [],
  createdAt: 3_999_827_200_000,
  lastUsedAt: 3_999_999_000_000,
  endsAt: 4_007_603_200_000,
  expiresAt: 4_002_591_000_000,
  scope: ['posts:write'],
  authTime: 3_999_999_000_000,
  amr: ['pwd'],
  clientId: 'gatehouse',
  openedUnder: 5,
  ip: '2001:db8::1',
  userAgent: 'Phone/1.0',
} as const

/** `account` while sessions live. */
export const LIVE = {
  state: { format: 1, version: 4, sessionsNotBefore: 1, survivingSession: null, profile: FACTS },
  keepUntil: null,
  wakeAt: 4_002_419_200_000,
} as const

/** `account` after a change that kept one session. */
export const KEPT = {
  state: {
    format: 1,
    version: 5,
    sessionsNotBefore: 5,
    survivingSession: { id: PHONE_ID, secretHash: KEPT_HASH },
    profile: FACTS,
  },
  keepUntil: null,
  wakeAt: 4_002_419_200_000,
} as const

/** `account` whose last session was ended an hour ago. */
export const RESTING = {
  state: { format: 1, version: 4, sessionsNotBefore: 1, survivingSession: null, profile: FACTS },
  keepUntil: 4_000_082_800_000,
  wakeAt: 4_000_082_800_000,
} as const

/** `account` that was deleted an hour ago. */
export const DELETED = {
  state: { format: 1, version: 5, sessionsNotBefore: 5, survivingSession: null, profile: null },
  keepUntil: 4_000_082_800_000,
  wakeAt: 4_000_082_800_000,
} as const

const POLICY = { idleSeconds: 2_592_000, maxSeconds: 7_776_000, graceSeconds: 10, maxSessions: 100 } as const

const NEW_SESSION = {
  id: NEW_ID,
  secretHash: NEW_HASH,
  scope: null,
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: '192.0.2.1',
  userAgent: 'Tablet/1.0',
} as const

const BARE_FACTS = {
  id: ACCOUNT_ID,
  username: 'Ada',
  email: null,
  emailVerified: false,
  phone: null,
  phoneVerified: false,
  roles: [],
  scopes: [],
  claims: {},
  disabled: false,
  createdAt: 3_999_000_000,
  updatedAt: 3_999_990_000,
} as const

const STATE = {
  format: 1,
  version: 4,
  sessionsNotBefore: 1,
  survivingSession: null,
  profile: BARE_FACTS,
} as const

/** Arguments of `open`. */
export const OPEN = { session: NEW_SESSION, state: STATE, policy: POLICY, readFrom: 'primary' } as const
export const OPEN_NEAREST = {
  session: NEW_SESSION,
  state: STATE,
  policy: POLICY,
  readFrom: 'replica',
} as const
/** After a restore of the database, to an object that answered with version 5. */
export const OPEN_REPLACING = {
  session: NEW_SESSION,
  state: STATE,
  policy: POLICY,
  readFrom: 'primary',
  replaces: 5,
} as const

/** Argument of `rotate`. */
export const ROTATE = { sessionId: PHONE_ID, generation: 2, secretHash: PHONE_HASH, policy: POLICY } as const

/** Arguments of `check` and `end`. */
export const NAMED = [PHONE_ID] as const

/** Arguments of `list` and `endAll`. */
export const NOTHING = [] as const

/** Arguments of `endBySecret`. */
export const BY_SECRET = [PHONE_ID, PHONE_HASH] as const

/** Arguments of `tell`. */
export const TELL_EDIT = [
  { format: 1, version: 5, sessionsNotBefore: 1, survivingSession: null, profile: BARE_FACTS },
  POLICY,
] as const
export const TELL_KEPT = [
  {
    format: 1,
    version: 5,
    sessionsNotBefore: 5,
    survivingSession: { id: PHONE_ID, secretHash: KEPT_HASH },
    profile: BARE_FACTS,
  },
  POLICY,
] as const
export const TELL_DELETED = [
  { format: 1, version: 5, sessionsNotBefore: 5, survivingSession: null, profile: null },
  POLICY,
] as const

/** What `open` stores of OPEN at FROZEN_MS. */
export const OPENED = {
  format: 1,
  id: NEW_ID,
  secretHash: NEW_HASH,
  generation: 0,
  rotatedAt: [],
  createdAt: 4_000_000_000_000,
  lastUsedAt: 4_000_000_000_000,
  endsAt: 4_007_776_000_000,
  expiresAt: 4_002_592_000_000,
  scope: null,
  authTime: 4_000_000_000_000,
  amr: ['pwd'],
  clientId: 'gatehouse',
  openedUnder: 4,
  ip: '192.0.2.1',
  userAgent: 'Tablet/1.0',
} as const
