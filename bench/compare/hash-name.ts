/** Work factors that either side can be given in place of its own. */
export type HashName = 'none' | 'scrypt' | 'pbkdf2'
