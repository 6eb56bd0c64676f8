type Address = { readonly address: string; readonly family: 'inet4' | 'inet6' };

/**
 * Whether a machine must register anew: an address is gone under which it did, or it has another IPv4 address. One more
 * of IPv6 comes with every router that announces a prefix, at any time.
 */
export function hasMoved(registered: readonly Address[], now: readonly Address[]): boolean {
  const among = (addresses: readonly Address[], one: Address): boolean =>
    addresses.some(({ address }) => address === one.address);
  return (
    registered.some((one) => !among(now, one)) || now.some((one) => one.family === 'inet4' && !among(registered, one))
  );
}
