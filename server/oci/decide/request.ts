/** What a client of a registry asks for (OCI distribution spec 1.1, "Pull" and "Content Discovery"). */
export type OciRequest =
  /** `/v2/`: is this a registry? */
  | { readonly kind: 'base' }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string; readonly byDigest: boolean }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'none'; readonly because: string };

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?::\d{1,5})?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_NAME = 255;

/** `path` without its query. */
export function readOciRequest(path: string): OciRequest {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(path);
  const [, name = '', what, last = ''] = match ?? [];
  if (!match) return { kind: 'none', because: 'want /v2/NAME/manifests/…, /v2/NAME/blobs/… or /v2/NAME/tags/list' };
  // The first part may be a host with a port: a client whose mirror was named so.
  if (name.length > MAX_NAME || !name.split('/').every((part) => COMPONENT.test(part))) {
    return { kind: 'none', because: 'that is no name of a repository' };
  }
  if (what === 'tags') return last === 'list' ? { kind: 'tags', name } : { kind: 'none', because: 'want tags/list' };
  if (DIGEST.test(last)) {
    return what === 'blobs'
      ? { kind: 'blob', name, digest: last }
      : { kind: 'manifest', name, reference: last, byDigest: true };
  }
  if (what === 'blobs') return { kind: 'none', because: 'a blob has a digest such as sha256:…' };
  return TAG.test(last)
    ? { kind: 'manifest', name, reference: last, byDigest: false }
    : { kind: 'none', because: 'that is neither a tag nor a digest of SHA-256' };
}

/** An image as a layout's index names it. `reference` with or without a registry; the part after the last `:` is its tag. */
export type NamedManifest = { readonly reference: string; readonly digest: string; readonly mediaType: string };

/** `ghcr.io/a/b:v1` into its parts; a digest behind it is not looked at. */
export function splitReference(reference: string): { readonly name: string; readonly tag: string } {
  const [plain = ''] = reference.split('@', 1);
  const at = plain.lastIndexOf(':');
  return at > plain.lastIndexOf('/')
    ? { name: plain.slice(0, at), tag: plain.slice(at + 1) }
    : { name: plain, tag: 'latest' };
}

/**
 * Which images a name means. `ns` is the registry that the client wanted before it came to its mirror (containerd,
 * Talos): with it, only that registry's. Without, a name without a registry means it of any, unless two differ.
 */
export function manifestsNamed(
  all: readonly NamedManifest[],
  name: string,
  ns: string | undefined,
): readonly NamedManifest[] {
  const exact = all.filter(
    ({ reference }) => splitReference(reference).name === (ns === undefined ? name : `${ns}/${name}`),
  );
  if (exact.length > 0) return exact;
  if (ns !== undefined) return all.filter(({ reference }) => splitReference(reference).name === name);
  const anywhere = all.filter(({ reference }) => withoutRegistry(splitReference(reference).name) === name);
  const registries = new Set(anywhere.map(({ reference }) => splitReference(reference).name));
  return registries.size === 1 ? anywhere : [];
}

/** A first part with a dot or a port is a registry. */
function withoutRegistry(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && /[.:]/.test(first) ? rest.join('/') : name;
}
