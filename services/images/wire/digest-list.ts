export type ListedDigest = { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string };

/**
 * The digest of a file in a list. Lines as `sha256sum` writes them (`DIGEST  NAME`, `DIGEST *NAME`), as `--tag` and BSD
 * do (`SHA256 (NAME) = DIGEST`), and as a `.treeinfo` does (`NAME = sha256:DIGEST`); whatever else is passed over. `path`
 * is that of the file's URL: of several files of one name, it is the one whose folders agree. The strongest digest is
 * given; two that disagree give nothing.
 */
export function digestFor(list: string, path: string): ListedDigest | undefined {
  const lines = list.split(/\r?\n/).flatMap((line) => readLine(line) ?? []);
  const whole = `/${path}`;
  const sameFolder = lines.filter(({ name }) => whole.endsWith(`/${name}`));
  const found = sameFolder.length > 0 ? sameFolder : lines.filter(({ name }) => lastPart(name) === lastPart(path));
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const all = new Set(found.filter(({ digest }) => digest.algorithm === algorithm).map(({ digest }) => digest.hex));
    const [hex] = all;
    if (hex !== undefined) return all.size === 1 ? { algorithm, hex } : undefined;
  }
  return undefined;
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

function readLine(line: string): { readonly name: string; readonly digest: ListedDigest } | undefined {
  const plain = /^([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](.+)$/.exec(line);
  const tagged = /^SHA(?:256|512) \((.+)\) = ([0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/.exec(line);
  const tree = /^(\S+) = sha(?:256|512):([0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/.exec(line);
  const hex = (plain?.[1] ?? tagged?.[2] ?? tree?.[2])?.toLowerCase();
  const name = plain?.[2] ?? tagged?.[1] ?? tree?.[1];
  if (hex === undefined || name === undefined) return undefined;
  const algorithm = hex.length === 64 ? 'sha256' : 'sha512';
  return { name: name.replace(/^(\.\/)+/, ''), digest: { algorithm, hex } };
}
