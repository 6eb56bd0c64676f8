import { bmcUrl, openHttp } from './http.ts';
import { REDFISH_LIMITS, type RedfishLimits } from './limits.ts';
import { readRoot } from './service.ts';

/** What a Redfish service tells anybody. */
export type RedfishProbe = {
  /** `https://10.0.0.12` */
  readonly address: string;
  readonly vendor?: string;
  readonly product?: string;
  /** Of the service; many BMCs say the machine's, some their own. */
  readonly uuid?: string;
  /** Of Redfish: `1.18.0`. */
  readonly version?: string;
  /** SHA-256 of the certificate in hex: the pin, once a person has agreed to it. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly validTo: string;
};

/**
 * Is there a Redfish service? Reads its root without a credential. Rejects with a `BmcError`: `unreachable` where
 * nobody listens, `malformed` or `not-supported` where something else does.
 */
export async function probeRedfish(
  address: string,
  signal: AbortSignal,
  limits: RedfishLimits = REDFISH_LIMITS,
): Promise<RedfishProbe> {
  using http = openHttp({ url: bmcUrl(address), onFirst: () => {}, limits });
  const root = await readRoot(http, signal);
  const certificate = http.certificate();
  return {
    address: http.origin,
    ...(root.Vendor === undefined ? {} : { vendor: root.Vendor }),
    ...(root.Product === undefined ? {} : { product: root.Product }),
    ...(root.UUID === undefined ? {} : { uuid: root.UUID.toLowerCase() }),
    ...(root.RedfishVersion === undefined ? {} : { version: root.RedfishVersion }),
    fingerprint: certificate?.sha256 ?? '',
    subject: certificate?.subject ?? '',
    validTo: certificate?.validTo ?? '',
  };
}
