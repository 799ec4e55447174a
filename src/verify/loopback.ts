/** Loopback hosts: RFC 6761 section 6.3 (localhost), RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3. */

/** @param hostname as in `URL.hostname`: lower case, IPv6 in brackets, no port */
export function isLoopbackHost(hostname: string): boolean {
  return /^(localhost|([a-z0-9-]+\.)+localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(hostname)
}

/**
 * Whether requests to the URL cannot be read in transit: https, or plain http to this machine. A URL with a username or
 * password is refused, since `fetch` does not accept one.
 */
export function isConfidential({ protocol, hostname, username, password }: URL): boolean {
  if (username + password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}
