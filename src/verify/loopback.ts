/** Which hosts are this machine itself: RFC 6761 section 6.3 (localhost), RFC 1122 3.2.1.3 and RFC 4291 2.5.3. */

/** @param hostname as `URL.hostname` gives it: lower case, IPv6 in brackets, no port */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|([a-z0-9-]+\.)+localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(hostname)
}

/**
 * Whether nobody on the way reads what is sent there: https, or plain http to this machine. The runtime sends nothing to an
 * address with a name or password in it.
 */
export function isConfidential({ protocol, hostname, username, password }: URL): boolean {
  if (username + password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}
