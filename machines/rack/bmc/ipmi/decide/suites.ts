import { SETUP_STATUS, type Algorithms } from '../wire/session-setup.ts';

/** A cipher suite, IPMI v2.0 tables 22-20, 13-17 to 13-19. */
export type Suite = Algorithms & {
  readonly id: number;
  /** `undefined`: nothing is proven, the password is never looked at. */
  readonly hash: 'sha1' | 'sha256' | undefined;
  /** Bytes of the codes that packets and RAKP 4 carry. */
  readonly codeBytes: number;
};

export const SUITE_0: Suite = {
  id: 0,
  authentication: 0,
  integrity: 0,
  confidentiality: 0,
  hash: undefined,
  codeBytes: 0,
};
export const SUITE_3: Suite = {
  id: 3,
  authentication: 1,
  integrity: 1,
  confidentiality: 1,
  hash: 'sha1',
  codeBytes: 12,
};
export const SUITE_17: Suite = {
  id: 17,
  authentication: 3,
  integrity: 4,
  confidentiality: 1,
  hash: 'sha256',
  codeBytes: 16,
};

/** The suite of these algorithms among those that are offered, or the status that says which of them is wrong. */
export function chooseSuite(
  offered: readonly Suite[],
  { authentication, integrity, confidentiality }: Algorithms,
): { readonly kind: 'suite'; readonly suite: Suite } | { readonly kind: 'refused'; readonly status: number } {
  const refused = (status: number) => ({ kind: 'refused', status }) as const;
  if (!offered.some((one) => one.authentication === authentication)) return refused(SETUP_STATUS.authentication);
  if (!offered.some((one) => one.integrity === integrity)) return refused(SETUP_STATUS.integrity);
  if (!offered.some((one) => one.confidentiality === confidentiality)) return refused(SETUP_STATUS.confidentiality);
  const suite = offered.find(
    (one) =>
      one.authentication === authentication && one.integrity === integrity && one.confidentiality === confidentiality,
  );
  return suite ? { kind: 'suite', suite } : refused(SETUP_STATUS.noSuite);
}

/** Records of Get Channel Cipher Suites, table 22-19: each algorithm with its kind in the upper bits. */
export function suiteRecords(offered: readonly Suite[]): readonly number[] {
  return offered.flatMap(({ id, authentication, integrity, confidentiality }) => [
    0xc0,
    id,
    authentication,
    0x40 | integrity,
    0x80 | confidentiality,
  ]);
}

/** The same without suites: each algorithm once. */
export function algorithmRecords(offered: readonly Suite[]): readonly number[] {
  return [
    ...new Set([
      ...offered.map(({ authentication }) => authentication),
      ...offered.map(({ integrity }) => 0x40 | integrity),
      ...offered.map(({ confidentiality }) => 0x80 | confidentiality),
    ]),
  ];
}
