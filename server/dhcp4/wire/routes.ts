import { type Cidr4, formatCidr4 } from '#machines/values/cidr.ts';
import { type Ipv4, ipv4FromNumber } from '#machines/values/ip-address.ts';
import { Malformed, Writer } from './cursor.ts';
import { type Shape, UNBOUNDED } from './shape.ts';

/** `via` 0.0.0.0: the destination is on the link itself (RFC 3442). */
export type Route = { readonly to: Cidr4; readonly via: Ipv4 };

/**
 * Options 121 (RFC 3442) and 249 (the same from Microsoft, before there was a number). A client that gets 121 ignores
 * option 3, so the default route has to be among them.
 */
export const routes: Shape<readonly Route[]> = {
  min: 5,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const list: Route[] = [];
    while (cursor.left > 0) {
      const bits = cursor.u8();
      if (bits > 32) throw new Malformed(`prefix of ${bits} bits, want at most 32`);
      let base = 0;
      const significant = Math.ceil(bits / 8);
      for (let index = 0; index < significant; index++) base += cursor.u8() * 2 ** (24 - 8 * index);
      // RFC 3442: a client must ignore the host bits that a server left set.
      base -= base % 2 ** (32 - bits);
      list.push({ to: { base: ipv4FromNumber(base), bits }, via: cursor.ip() });
    }
    return list;
  },
  write: (list) => {
    const writer = new Writer(list.reduce((sum, { to }) => sum + 1 + Math.ceil(to.bits / 8) + 4, 0));
    for (const { to, via } of list) {
      writer.u8(to.bits);
      const base = new Writer(4);
      base.ip(to.base);
      writer.copy(base.bytes, 0, Math.ceil(to.bits / 8));
      writer.ip(via);
    }
    return writer.bytes;
  },
  show: (list) => list.map(({ to, via }) => `${formatCidr4(to)} via ${via}`).join(', '),
};
