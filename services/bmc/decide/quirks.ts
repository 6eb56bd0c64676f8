import type { BmcIdentity } from '#machines/contract/power.ts';

/** What is known of one BMC, as far as it matters here. */
type BmcRecord = {
  readonly identity?: BmcIdentity;
  readonly learned: Readonly<Record<string, string>>;
  readonly seenAt?: number;
};

/** What was found to work for a model with a firmware: as it is exported, and read again elsewhere. */
export type LearnedQuirks = {
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly learned: Readonly<Record<string, string>>;
  /** On how many BMCs it was seen. */
  readonly seenOn: number;
};

/** Nothing for a BMC that does not say what it is: then what one has learned says nothing about another. */
const modelOf = ({ identity }: Pick<BmcRecord, 'identity'>): string | undefined => {
  const { bmcVendor, product, bmcVersion } = identity ?? {};
  if (bmcVersion === undefined || (bmcVendor === undefined && product === undefined)) return undefined;
  return [bmcVendor ?? '', product ?? '', bmcVersion].join('\0');
};

/** By model and firmware, in order of their names. Where two BMCs of one model differ, the one heard from last counts. */
export function learnedByModel(records: readonly BmcRecord[]): readonly LearnedQuirks[] {
  const models = new Map<string, LearnedQuirks>();
  for (const record of records.toSorted((a, b) => (a.seenAt ?? 0) - (b.seenAt ?? 0))) {
    const model = modelOf(record);
    if (model === undefined || Object.keys(record.learned).length === 0) continue;
    const before = models.get(model);
    const { bmcVendor = '', product = '', bmcVersion = '' } = record.identity ?? {};
    models.set(model, {
      vendor: bmcVendor,
      product,
      version: bmcVersion,
      learned: { ...before?.learned, ...record.learned },
      seenOn: (before?.seenOn ?? 0) + 1,
    });
  }
  return [...models].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, quirks]) => quirks);
}

const IMPORTED = 'imported:';

/** Where what was brought from elsewhere is kept: as a BMC that was never heard from, so that every real one knows better. */
export const importedAddress = ({ vendor, product, version }: LearnedQuirks): string =>
  `${IMPORTED}${[vendor, product, version].map(encodeURIComponent).join('/')}`;

export const isImported = ({ address }: { readonly address: string }): boolean => address.startsWith(IMPORTED);

/** What a BMC starts from: what its model has taught, and over that what it taught itself. */
export function learnedFor(record: BmcRecord, records: readonly BmcRecord[]): Readonly<Record<string, string>> {
  const model = modelOf(record);
  const kin = model === undefined ? [] : records.filter((one) => one !== record && modelOf(one) === model);
  return { ...learnedByModel(kin)[0]?.learned, ...record.learned };
}
