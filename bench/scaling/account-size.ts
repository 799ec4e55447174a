/** How many bytes of D1 an account takes, with its indexes: measured in SQLite with the schema itself. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const SAMPLE = 20_000
/** Rounded, so that another build of SQLite does not change the document. */
const ROUNDED_TO_BYTES = 10
const CREATED_AT = 1_800_000_000

const COLUMNS = [
  'id',
  'username',
  'username_key',
  'email',
  'phone',
  'password_hash',
  'credential_version',
  'sessions_not_before',
  'change_id',
  'created_at',
  'updated_at',
]

export function measureAccountBytes(): number {
  const db = new DatabaseSync(':memory:')
  db.exec(readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8'))
  const emptyBytes = sizeOf(db)
  const insert = db.prepare(
    `INSERT INTO accounts (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`,
  )
  db.exec('BEGIN')
  for (let number = 0; number < SAMPLE; number++) insert.run(...account(number))
  db.exec('COMMIT')
  const bytes = (sizeOf(db) - emptyBytes) / SAMPLE
  db.close()
  return Math.round(bytes / ROUNDED_TO_BYTES) * ROUNDED_TO_BYTES
}

/** With a username and an email, every other one with a phone. The same on each run. */
function account(number: number) {
  const random = createHash('sha256').update(String(number)).digest()
  const hex = random.toString('hex')
  const id = `0198${number.toString(16).padStart(4, '0')}-${hex.slice(0, 4)}-7${hex.slice(4, 7)}-8${hex.slice(7, 10)}-${hex.slice(10, 22)}`
  const username = `person${hex.slice(0, 8)}`
  const phone = number % 2 === 0 ? `+1${random.readUIntBE(8, 6) % 10_000_000_000}` : null
  const hash = `$pbkdf2-sha256$i=100000,r=6$${random.toString('base64').slice(0, 22)}$${random.toString('base64').slice(0, 43)}`
  const version = CREATED_AT * 1_000 + number
  return [
    id,
    username,
    username,
    `${username}@mail.example.com`,
    phone,
    hash,
    version,
    version,
    id,
    CREATED_AT,
    CREATED_AT,
  ]
}

function sizeOf(db: DatabaseSync): number {
  const pragma = (name: string) => Number(db.prepare(`PRAGMA ${name}`).get()?.[name])
  return pragma('page_count') * pragma('page_size')
}
