/**
 * Headers that a requester must not set, since some server or framework behind the gateway trusts them. `*` matches any ending.
 * Pure.
 */

/** The user's identity, as set by a proxy or an identity provider in front of an origin. */
const IDENTITY = [
  'x-auth-*',
  'x-authuser',
  'auth-user',
  'x-authenticated-*',
  'x-authentik-*',
  'x-authelia-*',
  'x-webauth-*',
  'x-remote-*',
  'remote-*',
  'oam-remote-*',
  'shib-*',
  'impersonate-*',
  'x-email',
  'x-groups',
  'x-roles',
  'x-principal',
  'x-oauth-*',
  'x-oidc-*',
  'x-user',
  'x-user-id',
  'x-userid',
  'x-user-name',
  'x-user-email',
  'x-user-groups',
  'x-user-role',
  'x-user-roles',
  'x-username',
  'x-userinfo',
  'x-scope-orgid',
  'x-consumer-*',
  'x-credential-*',
  'x-anonymous-consumer',
  'x-endpoint-api-userinfo',
  'x-apigateway-api-userinfo',
  'x-jwt-assertion',
  'x-jwt-payload',
  'x-amzn-oidc-*',
  'x-amzn-mtls-*',
  'x-goog-authenticated-*',
  'x-goog-iap-*',
  'x-appengine-*',
  'x-ms-client-principal*',
  'x-ms-token-*',
  'ms-aspnetcore-*',
  'x-pomerium-*',
  'x-vouch-*',
  'cf-access-authenticated-*',
  'tailscale-*',
  'oidc-*',
  'iv-user*',
  'iv-groups',
  'iv-creds',
  'sm-*',
  'client-cert*',
  'x-client-cert*',
  'x-client-dn',
  'x-client-s-dn',
  'x-client-verify',
  'x-ssl-client-*',
  'x-ssl-cert*',
  'ssl-client-*',
  'ssl-cert*',
  'x-tls-client-*',
  'x-arr-clientcert',
]

/** The source of the request. */
const ADDRESS = [
  'forwarded*',
  'x-forwarded*',
  'x-forward-for',
  'x-forwarder-for',
  'x-real-*',
  'real-ip',
  'x-true-*',
  'true-client-*',
  'client-ip',
  'clientip',
  'x-clientip',
  'x-client-ip',
  'cluster-client-ip',
  'x-cluster-*',
  'fastly-client-*',
  'fly-client-ip',
  'do-connecting-ip',
  'incap-client-ip',
  'akamai-client-ip',
  'eo-connecting-ip',
  'x-sucuri-client*',
  'x-vercel-*',
  'cloudfront-viewer-*',
  'ali-cdn-real-ip',
  'cdn-src-ip',
  'cf-connecting-*',
  'cf-pseudo-*',
  'cf-real-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-nf-client-connection-ip',
  'x-originating-*',
  'x-proxyuser-ip',
  'wl-proxy-*',
  'http-*',
  'x-coming-from',
  'x-from-ip',
  'x-ip',
  'x-source-ip',
  'x-custom-ip-authorization',
]

/** A path, host, method or file that replaces that of the request. CGI turns `Proxy` into HTTP_PROXY. */
const REQUEST_OVERRIDE = [
  'proxy',
  'proxy-*',
  'x-proxy-*',
  'x-original-*',
  'x-rewrite-*',
  'x-override-*',
  'x-envoy-*',
  'x-host',
  'x-backend-host',
  'x-http-*',
  'x-middleware-*',
  'x-invoke-*',
  'x-matched-path',
  'x-now-route-matches',
  'x-method-override',
  'x-request-uri',
  'x-script-name',
  'script-name',
  'x-scheme',
  'x-url-scheme',
  'x-proxied-https',
  'front-end-https',
  'request-uri',
  'base-url',
  'uri',
  'url',
  'x-uri',
  'x-url',
  'x-sendfile*',
  'x-accel-*',
]

const RESERVED_HEADERS = [...IDENTITY, ...ADDRESS, ...REQUEST_OVERRIDE]
const NAMES: ReadonlySet<string> = new Set(RESERVED_HEADERS.filter((name) => !name.endsWith('*')))
const PREFIXES = RESERVED_HEADERS.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))

/**
 * @returns one name for all spellings that servers may take for the same header: CGI (RFC 3875 section 4.1.18) reads
 * `X_Auth_Subject` and `X.Auth.Subject` as `X-Auth-Subject`
 */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** @param canonical as `canonicalName` returns it */
export function isReserved(canonical: string): boolean {
  return NAMES.has(canonical) || PREFIXES.some((prefix) => canonical.startsWith(prefix))
}
