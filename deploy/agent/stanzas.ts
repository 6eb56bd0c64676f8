/** One version of a package, as Debian's signed lists have it. */
export type DebianPackage = {
  readonly name: string;
  readonly version: string;
  /** Of the .deb, hex. */
  readonly sha256: string;
  /** Of the .deb. */
  readonly bytes: number;
  /** Names of what it needs, the first alternative of each. */
  readonly depends: readonly string[];
};

/** Reads what `apt-cache show` prints (Debian Policy §5): stanzas parted by an empty line, the first of each name counts. */
export function parseStanzas(text: string): DebianPackage[] {
  const found = new Map<string, DebianPackage>();
  for (const stanza of text.split(/\n{2,}/)) {
    const fields = new Map(
      [...stanza.matchAll(/^([A-Za-z0-9-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm)].map(([, key = '', value = '']) => [
        key,
        value,
      ]),
    );
    const name = fields.get('Package');
    const version = fields.get('Version');
    const sha256 = fields.get('SHA256');
    const bytes = Number(fields.get('Size'));
    if (name === undefined || version === undefined || sha256 === undefined || found.has(name)) continue;
    const depends = [fields.get('Pre-Depends'), fields.get('Depends')]
      .flatMap((list) => list?.split(',') ?? [])
      .map((one) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(one)?.[1])
      .filter((one) => one !== undefined);
    found.set(name, { name, version, sha256, bytes, depends });
  }
  return [...found.values()];
}

/** The packages and the libraries that they need, and those need, sorted by name. `find` throws for unknown names. */
export function withLibraries(
  names: readonly string[],
  find: (names: readonly string[]) => readonly DebianPackage[],
): DebianPackage[] {
  const found = new Map<string, DebianPackage>();
  let wanted = [...new Set(names)];
  while (wanted.length > 0) {
    const got = find(wanted);
    for (const one of got) found.set(one.name, one);
    wanted = [...new Set(got.flatMap((one) => one.depends))].filter((name) => isLibrary(name) && !found.has(name));
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isLibrary(name: string): boolean {
  return /^(?:lib|zlib)/.test(name) && !/-(?:bin|common|data|dev)$/.test(name);
}
