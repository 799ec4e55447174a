/** Which scopes a token carries (RFC 6749 section 3.3). Pure. */
import { SCOPE } from '../runtime/text.ts'

/** Given only to those who ask for it by name. */
export const ADMIN_SCOPE = 'admin'

/** @returns the scopes asked for, each once; what no account could ever have is left out. */
export function parseScope(text: string): readonly string[] {
  return [...new Set(text.split(' ').filter((scope) => SCOPE.test(scope)))]
}

/** @param asked null where nothing was asked for, which means everything but `admin` */
export function grantScope(asked: readonly string[] | null, held: readonly string[]): readonly string[] {
  if (asked === null) return held.filter((scope) => scope !== ADMIN_SCOPE)
  return asked.filter((scope) => held.includes(scope))
}
