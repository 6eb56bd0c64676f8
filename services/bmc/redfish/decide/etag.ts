/** What stands in If-Match. `none`: the header is left out. */
export const ETAG_WAYS = ['exact', 'strong', 'weak', 'any', 'none'] as const;
export type EtagWay = (typeof ETAG_WAYS)[number];
export type EtagTry = { readonly way: EtagWay; readonly ifMatch?: string };

export const isEtagWay = (text: string | undefined): text is EtagWay => ETAG_WAYS.some((way) => way === text);

/**
 * How a change may be tried, one after the other while the service says 412 or 428: a refused precondition changed
 * nothing. RFC 9110 §13.1.1 has If-Match compare strongly, so that a weak ETag never matches; AMI and Gigabyte hand out
 * weak ones, and want them without `W/`, or not at all. NVIDIA's DGX wants `*`. What worked before comes first.
 */
export function etagTries(etag: string | undefined, learned?: EtagWay): readonly EtagTry[] {
  const tag = etag?.trim() ?? '';
  const isWeak = tag.startsWith('W/');
  const known: readonly EtagTry[] =
    tag === '' || tag === '""'
      ? [{ way: 'none' }, { way: 'any', ifMatch: '*' }]
      : [
          { way: 'exact', ifMatch: tag },
          isWeak ? { way: 'strong', ifMatch: tag.slice(2) } : { way: 'weak', ifMatch: `W/${tag}` },
          { way: 'any', ifMatch: '*' },
          { way: 'none' },
        ];
  return [...known.filter(({ way }) => way === learned), ...known.filter(({ way }) => way !== learned)];
}

/** 412 Precondition Failed; 428 Precondition Required (DSP0266 "ETags"). */
export const wantsOtherEtag = (status: number): boolean => status === 412 || status === 428;
