/** One file below the directory of images. `file`: its path in there. */
export type FoundFile = { readonly file: string; readonly bytes: number; readonly modifiedAt: number };

/** What was found out about an image of a disk, as `disks/KEY.json` says it. */
export type DiskNote = { readonly file: string; readonly source: string; readonly made: string | undefined };

export type GarbageFacts = {
  readonly files: readonly FoundFile[];
  /** Digests of files that image documents name or once fetched from a URL that they name. */
  readonly named: ReadonlySet<string>;
  /** `by-url/…` of URLs that image documents name. */
  readonly notes: ReadonlySet<string>;
  /** `parts/…` that are being written to by a download. */
  readonly parts: ReadonlySet<string>;
  readonly disks: readonly DiskNote[];
  /** Paths of files from which disks were made, and which image documents still name. */
  readonly sources: ReadonlySet<string>;
  /** Digests that unfinished jobs send to machines, as they are or as prepared. */
  readonly held: ReadonlySet<string>;
  readonly now: number;
};

export type GarbageItem = { readonly file: string; readonly bytes: number; readonly because: string };

/** A file is given to the daemon before the document that names it. */
export const YOUNG_MS = 3_600_000;
/** An upload that was cut off may be gone on with for so long. */
export const UNFINISHED_MS = 7 * 24 * 3_600_000;

/**
 * What no image needs any more: files that no document names, and what was made of them. Never what an unfinished job
 * sends, what is younger than an hour, or a file whose purpose is not known.
 */
export function garbageOf(facts: GarbageFacts): readonly GarbageItem[] {
  return facts.files.flatMap((found) => {
    const because = reasonToRemove(found, facts);
    return because === undefined ? [] : [{ file: found.file, bytes: found.bytes, because }];
  });
}

function reasonToRemove({ file, modifiedAt }: FoundFile, facts: GarbageFacts): string | undefined {
  const { named, notes, parts, disks, sources, held, now } = facts;
  // A file from the future is as young as one from now.
  const age = now - modifiedAt;
  if (age < YOUNG_MS) return undefined;
  const [folder, name] = file.includes('/') ? (file.split('/', 2) as [string, string]) : ['', file];
  const digest = /^[0-9a-f]{64}/.exec(name)?.[0];
  switch (folder) {
    case '':
      if (digest !== name || named.has(digest) || held.has(digest)) return undefined;
      return 'no image names it';
    case 'records':
      if (digest === undefined || named.has(digest) || held.has(digest)) return undefined;
      return 'tells of a file that no image names';
    case 'by-url':
      return notes.has(file) ? undefined : 'no image names its URL';
    case 'parts':
      if (parts.has(file)) return undefined;
      return age < UNFINISHED_MS ? undefined : 'an upload or a download that was not gone on with for a week';
    case 'disks': {
      if (name.endsWith('.part')) return 'was left by a daemon that ended while it prepared an image';
      const note = disks.find((one) => one.file === file);
      if (note) return sources.has(note.source) ? undefined : 'tells of a file that no image names';
      const stem = /^([0-9a-f]{64})\.zst$/.exec(name)?.[1];
      if (stem === undefined || held.has(stem)) return undefined;
      const needed = disks.some(({ made, source }) => made === name && sources.has(source));
      return needed ? undefined : 'was made of a file that no image names';
    }
    default:
      return undefined;
  }
}
