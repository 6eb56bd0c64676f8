/**
 * Is this Host header a name of ours? A page of a stranger whose name was made to resolve to us (DNS rebinding) sends
 * its own name. Addresses are always taken: a page that was loaded from an address has that address as its origin, so
 * nobody can be rebound to it.
 */
export function isOurHost(header: string | undefined, names: readonly string[]): boolean {
  const [, v6, host = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  if (v6 !== undefined) return true;
  const name = host.toLowerCase().replace(/\.$/, '');
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return true;
  return name === 'localhost' || name.endsWith('.localhost') || names.some((one) => one.toLowerCase() === name);
}

/**
 * Browsers send a cookie to every port of a host, and call another port the same site: what changes something by cookie
 * must come from a page of this very origin.
 */
export function isOwnOrigin(origin: string | undefined, host: string | undefined, protocol: 'http' | 'https'): boolean {
  if (origin === undefined || host === undefined) return false;
  // Behind a proxy that speaks TLS we are asked by HTTP; where we speak TLS ourselves, a page by HTTP is not ours.
  return origin === `https://${host}` || (protocol === 'http' && origin === `http://${host}`);
}

/**
 * Cookies are shared by all ports of a host, so that two daemons on one machine need different names. Over TLS a browser
 * takes a name with `__Host-` only from this very host and by TLS (RFC 6265bis §4.1.3.2): no sister domain and no plain
 * HTTP can plant one. It wants Secure and Path=/; plain HTTP cannot have it.
 */
export const cookieName = (what: 'session' | 'oidc', asked: Asked): string =>
  `${asked.protocol === 'https' ? '__Host-' : ''}ingot-${what}-${portOf(asked)}`;

type Asked = { readonly headers: { readonly host?: string | undefined }; readonly protocol: 'http' | 'https' };

const portOf = ({ headers: { host }, protocol }: Asked): string =>
  /:(\d{1,5})$/.exec(host ?? '')?.[1] ?? (protocol === 'https' ? '443' : '80');

/** What keeps a cookie out of the hands of scripts and of other sites' pages. */
export const cookieRules = ({ protocol }: Pick<Asked, 'protocol'>) =>
  ({ path: '/', httpOnly: true, secure: protocol === 'https' }) as const;
