/** Password hashes that replace the default one of either side. */
export type HashName = 'none' | 'scrypt' | 'pbkdf2'
