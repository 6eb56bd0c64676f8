import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** A vendor's mirror redirector goes on twice or three times. */
const MOST_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Where clouds tell a machine its own secrets (RFC 3927, RFC 4291 §2.5.6, and AWS's of IPv6): no image comes from there. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16);
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');

/**
 * `fetch` for what an operator named by URL, which may be anywhere but at a link-local address. Redirects are followed
 * one by one, each looked at before it is asked; credentials and the like are not in `init`.
 */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  let next = new URL(url);
  for (let redirects = 0; ; redirects += 1) {
    await refuseLinkLocal(next);
    const answer = await fetch(next, { ...init, redirect: 'manual' });
    const location = answer.headers.get('location');
    if (!REDIRECTS.has(answer.status) || location === null) return answer;
    await answer.body?.cancel();
    if (redirects === MOST_REDIRECTS) throw new Error(`${url} redirects more than ${MOST_REDIRECTS} times`);
    const to = URL.parse(location, next.href);
    if (to?.protocol !== 'http:' && to?.protocol !== 'https:')
      throw new Error('the server sends us to no HTTP address');
    if (next.protocol === 'https:' && to.protocol === 'http:')
      throw new Error('the server sends us from HTTPS to HTTP');
    next = to;
  }
}

async function refuseLinkLocal({ hostname }: URL): Promise<void> {
  const host = hostname.replace(/^\[|\]$/g, '');
  // A name that leads nowhere is told by fetch, in its own words.
  const found = isIP(host) === 0 ? await lookup(host, { all: true }).catch(() => []) : [{ address: host }];
  for (const { address } of found) {
    if (!LINK_LOCAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) continue;
    throw new Error(`${host} is the link-local address ${address}, from which no image comes`);
  }
}
