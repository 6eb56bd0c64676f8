export type ListedDigest = { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string };

/**
 * The digest of a file in a list, by the last part of its name. Lines as `sha256sum` writes them (`DIGEST  NAME`,
 * `DIGEST *NAME`), as `--tag` and BSD do (`SHA256 (NAME) = DIGEST`), and whatever else is passed over. The strongest
 * is given; two that disagree give nothing.
 */
export function digestFor(list: string, file: string): ListedDigest | undefined {
  const found: ListedDigest[] = [];
  for (const line of list.split(/\r?\n/)) {
    const one = readLine(line);
    if (one && one.name.slice(one.name.lastIndexOf('/') + 1) === file) found.push(one.digest);
  }
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const all = new Set(found.filter((one) => one.algorithm === algorithm).map(({ hex }) => hex));
    const [hex] = all;
    if (hex !== undefined) return all.size === 1 ? { algorithm, hex } : undefined;
  }
  return undefined;
}

function readLine(line: string): { readonly name: string; readonly digest: ListedDigest } | undefined {
  const plain = /^([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](.+)$/.exec(line);
  const tagged = /^SHA(?:256|512) \((.+)\) = ([0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/.exec(line);
  const hex = (plain?.[1] ?? tagged?.[2])?.toLowerCase();
  const name = plain?.[2] ?? tagged?.[1];
  if (hex === undefined || name === undefined) return undefined;
  return { name, digest: { algorithm: hex.length === 64 ? 'sha256' : 'sha512', hex } };
}
