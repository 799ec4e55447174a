-- The schema of Gatehouse's D1 database. Safe to run twice.
--   locally:  `npm run dev` runs it
--   deployed: npx wrangler d1 execute gatehouse --remote --file schema.sql
-- Columns whose names end in _at are unix seconds; versions are unix milliseconds or higher.

-- One row: which schema this is. D1 has no PRAGMA user_version. The number changes with the tables below.
CREATE TABLE IF NOT EXISTS schema_version (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO schema_version (id, version) VALUES (1, 2);

CREATE TABLE IF NOT EXISTS accounts (
  id TEXT PRIMARY KEY,                        -- UUIDv7
  username TEXT,                              -- as typed
  username_key TEXT UNIQUE,                   -- the compared form: NFKC, upper then lower case
  email TEXT UNIQUE,                          -- lower case, domain in ASCII: the shown and the compared form
  email_verified INTEGER NOT NULL DEFAULT 0,
  phone TEXT UNIQUE,                          -- E.164: the shown and the compared form
  phone_verified INTEGER NOT NULL DEFAULT 0,
  name TEXT,                                  -- what people say about themselves, as OpenID Connect Core 5.1 has it
  picture TEXT,                               -- an https URL
  locale TEXT,                                -- BCP 47
  zoneinfo TEXT,                              -- a name of the IANA time zone database
  password_hash TEXT,                         -- PHC string; NULL for an account without a password
  disabled INTEGER NOT NULL DEFAULT 0,
  roles TEXT NOT NULL DEFAULT '[]',           -- JSON array of strings
  scopes TEXT NOT NULL DEFAULT '[]',          -- JSON array of strings
  claims TEXT NOT NULL DEFAULT '{}',          -- JSON object, copied into access tokens
  credential_version INTEGER NOT NULL,        -- rises with every change that affects tokens
  sessions_not_before INTEGER NOT NULL,       -- version of the last change that ended sessions
  surviving_session TEXT,                     -- the session that survives that change, if there is one
  surviving_family TEXT,                      -- the token family that replaces all families of that session
  surviving_secret_hash TEXT,                 -- base64url; SHA-256 of the secret of that family
  change_id TEXT NOT NULL,                    -- the last change: shows whether a write happened whose response was lost
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK (coalesce(username_key, email, phone) IS NOT NULL)
) STRICT;

-- Outbox: what a change of an account has yet to cause elsewhere. The Worker does it after the change and deletes the row; cron does
-- the rest, with growing pauses. An event may be delivered more than once.
CREATE TABLE IF NOT EXISTS outbox (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
  kind TEXT NOT NULL,                         -- account_state: the account's Durable Object must get the account's state
  data TEXT NOT NULL CHECK (json_valid(data)),  -- JSON; of account_state: the version of the change
  attempts INTEGER NOT NULL DEFAULT 0,        -- of cron
  due_at INTEGER NOT NULL DEFAULT (unixepoch()),  -- when cron attempts it next
  created_at INTEGER NOT NULL DEFAULT (unixepoch()),
  PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_due_at ON outbox (due_at);

CREATE TABLE IF NOT EXISTS signing_keys (
  kid TEXT PRIMARY KEY,                       -- RFC 7638 thumbprint
  alg TEXT NOT NULL,
  public_jwk TEXT NOT NULL,                   -- JSON
  sealed_private_jwk TEXT NOT NULL,           -- base64url of nonce and AES-GCM ciphertext
  secret_id TEXT NOT NULL,                    -- base64url; id of the AUTH_SECRET under which it is sealed
  created_at INTEGER NOT NULL,                -- when it was published
  signs_from INTEGER NOT NULL
) STRICT;

-- One row: the random HMAC key that names the Durable Objects of the counters. It never changes.
CREATE TABLE IF NOT EXISTS naming_key (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  key TEXT NOT NULL                           -- 64 hexadecimal digits; their ASCII bytes are the HMAC key
) STRICT;
INSERT OR IGNORE INTO naming_key (id, key) VALUES (1, hex(randomblob(32)));

-- No row, or one with the limits that an operator has changed, in the format of GET /admin/limits.
CREATE TABLE IF NOT EXISTS settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  document TEXT NOT NULL,                     -- JSON object
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL                    -- an account's id, or admin_token
) STRICT;

-- Changes of the settings: who changed what and when.
CREATE TABLE IF NOT EXISTS settings_changes (
  id INTEGER PRIMARY KEY,
  changed_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL,                   -- an account's id, or admin_token
  change TEXT NOT NULL                        -- JSON object: the requested change
) STRICT;

-- Origins that authenticate at /oauth2, or for which assertions are encrypted.
CREATE TABLE IF NOT EXISTS clients (
  client_id TEXT PRIMARY KEY,                 -- UUIDv7
  client_name TEXT,
  secret_hash TEXT NOT NULL,                  -- base64url; SHA-256 of the secret, which is 32 random bytes
  encryption_jwk TEXT,                        -- JSON: the public key, with kid and alg
  audience TEXT,                              -- the audience whose access tokens it may introspect; null for the current AUDIENCE
  created_at INTEGER NOT NULL
) STRICT;
