import {
  documentId,
  isList,
  isMap,
  kindOf,
  nameOf,
  type TalosDocument,
  type Tree,
  type TreeMap,
  type TreePath,
  V1ALPHA1,
} from './documents.ts';

/** Something wrong with a patch, at a path of one of its documents. */
export type PatchIssue = { readonly document: number; readonly path: TreePath; readonly text: string };

export type Patched =
  | { readonly ok: true; readonly documents: readonly TalosDocument[] }
  | { readonly ok: false; readonly issues: readonly PatchIssue[] };

/**
 * A strategic merge patch, with the stock tools' result. For each document by kind and name: maps merge, scalars
 * overwrite, lists append but for those that {@link REPLACED} and {@link KEYED} name; empty texts, zero and null change
 * nothing that is there. A document that is not there is added. `$patch: delete` deletes a document, a key or the element
 * of a list that its first other key selects. What would be deleted of a document that is not there is skipped; a
 * document that is there must have it.
 */
export function patched(documents: readonly TalosDocument[], patch: readonly TalosDocument[]): Patched {
  const issues = duplicatesIn(patch);
  const kept = documents.map((document) => ({ document }));
  for (const [index, written] of patch.entries()) {
    const found = kept.find(({ document }) => documentId(document) === documentId(written));
    const issue = (path: TreePath, text: string) => void issues.push({ document: index, path, text });
    if (written[DIRECTIVE] === 'delete') {
      if (kindOf(written) === V1ALPHA1) issue([], 'the v1alpha1 document cannot be deleted');
      else if (found) kept.splice(kept.indexOf(found), 1);
      continue;
    }
    const { rest, deletions } = withoutDirectives(written, issue);
    if (found) {
      let document = found.document;
      for (const deletion of deletions) document = deleted(document, deletion, issue);
      found.document = mapOf(merged(document, rest, [], kindOf(written), issue));
    } else if (!isOnlyVersion(rest)) {
      kept.push({ document: mapOf(withoutNulls(rest)) });
    }
  }
  if (issues.length > 0) return { ok: false, issues };
  const all = kept.map(({ document }) => document);
  const first = all.filter((document) => kindOf(document) === V1ALPHA1);
  return { ok: true, documents: [...first, ...all.filter((document) => kindOf(document) !== V1ALPHA1)] };
}

type Report = (path: TreePath, text: string) => void;

const DIRECTIVE = '$patch';

function duplicatesIn(patch: readonly TalosDocument[]): PatchIssue[] {
  const added = patch.map((document) => (document[DIRECTIVE] === 'delete' ? undefined : documentId(document)));
  return added.flatMap((id, index) =>
    id !== undefined && added.indexOf(id) < index
      ? [{ document: index, path: [], text: `${id} is there twice in one patch` }]
      : [],
  );
}

// ---- Merging

/** Lists and maps that a patch replaces as a whole, by kind and path. */
const REPLACED: ReadonlySet<string> = new Set([
  'v1alpha1 cluster.network.podSubnets',
  'v1alpha1 cluster.network.serviceSubnets',
  'v1alpha1 cluster.apiServer.auditPolicy',
  'NetworkRuleConfig ingress',
  'NetworkRuleConfig portSelector.ports',
  'BGPInstanceConfig advertise',
  'BGPInstanceConfig importRoutes',
  'BGPInstanceConfig neighbors',
  'CRIBaseRuntimeSpecConfig overrides',
  'KubeAuditPolicyConfig configuration',
  'KubeAuthenticationConfig configuration',
  'KubeCredentialProviderConfig configuration',
  'KubeNetworkConfig podSubnets',
  'KubeNetworkConfig serviceSubnets',
  'KubeStaticPodConfig pod',
]);

type Keyed = { readonly by: readonly string[]; readonly found: 'merged' | 'replaced' };
/** Lists whose elements have a name: the first of the keys that an element of the patch has. */
const KEYED: Readonly<Record<string, Keyed>> = {
  'v1alpha1 machine.network.interfaces': { by: ['interface', 'deviceSelector'], found: 'merged' },
  'v1alpha1 machine.network.interfaces.vlans': { by: ['vlanId'], found: 'merged' },
  'v1alpha1 cluster.apiServer.admissionControl': { by: ['name'], found: 'merged' },
  'ExtensionServiceConfig configFiles': { by: ['mountPath'], found: 'merged' },
  'ImageVerificationConfig rules': { by: ['image'], found: 'replaced' },
};

/** Arguments of programs: one that is given again is another, and an empty one is one too. */
const ARGUMENTS = 'extraArgs';

function merged(left: Tree | undefined, right: Tree, path: TreePath, kind: string, issue: Report): Tree {
  if (right === null) return left ?? null;
  if (left === undefined || left === null) return withoutNulls(right);
  const where = placeOf(path, kind);
  if (isMap(right)) {
    if (!isMap(left)) return mismatch(left, right, path, issue);
    if (REPLACED.has(where)) return withoutNulls(right);
    if (path.at(-1) === ARGUMENTS) return { ...left, ...mapOf(withoutNulls(right)) };
    const entries = Object.entries(right)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, merged(own(left, key), value, [...path, key], kind, issue)] as const);
    return { ...left, ...Object.fromEntries(entries) };
  }
  if (isList(right)) {
    if (!isList(left)) return mismatch(left, right, path, issue);
    if (REPLACED.has(where)) return withoutNulls(right);
    const keyed = KEYED[where];
    return keyed ? mergedByKey(left, right, keyed, path, kind, issue) : [...left, ...right.map(withoutNulls)];
  }
  if (isMap(left) || isList(left)) return mismatch(left, right, path, issue);
  return right === '' || right === 0 ? left : right;
}

const placeOf = (path: TreePath, kind: string): string =>
  `${kind} ${path.filter((part) => typeof part === 'string').join('.')}`;

function mergedByKey(
  left: readonly Tree[],
  right: readonly Tree[],
  keyed: Keyed,
  path: TreePath,
  kind: string,
  issue: Report,
): Tree {
  const all = [...left];
  for (const [index, element] of right.entries()) {
    const key = isMap(element) ? keyed.by.find((one) => isSaid(own(element, one))) : undefined;
    const at =
      key === undefined || !isMap(element)
        ? -1
        : all.findIndex((one) => isMap(one) && isSame(own(one, key), own(element, key)));
    if (at < 0) all.push(withoutNulls(element));
    else if (keyed.found === 'replaced') all[at] = withoutNulls(element);
    else all[at] = merged(all[at], element, [...path, index], kind, issue);
  }
  return all;
}

const isSaid = (value: Tree | undefined): boolean => value !== undefined && value !== null && value !== '';

/** The same value, whatever the order of keys. */
function isSame(one: Tree | undefined, other: Tree | undefined): boolean {
  if (isMap(one) && isMap(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].every((key) => isSame(own(one, key), own(other, key)));
  }
  if (isList(one) && isList(other)) {
    return one.length === other.length && one.every((value, index) => isSame(value, other[index]));
  }
  return one === other;
}

function mismatch(left: Tree, right: Tree, path: TreePath, issue: Report): Tree {
  issue(path, `got ${shapeOf(right)}, want ${shapeOf(left)} as in what is patched`);
  return left;
}

const shapeOf = (value: Tree): string => (isList(value) ? 'a list' : isMap(value) ? 'a map' : 'one value');

/** A key of its own: `constructor` and the like are none that every map has. */
const own = (map: TreeMap, key: string): Tree | undefined => (Object.hasOwn(map, key) ? map[key] : undefined);

function withoutNulls(value: Tree): Tree {
  if (isList(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]));
}

const mapOf = (value: Tree): TreeMap => (isMap(value) ? value : {});

// ---- Deleting

type Deletion =
  | { readonly kind: 'key'; readonly path: readonly string[] }
  | { readonly kind: 'element'; readonly path: readonly string[]; readonly key: string; readonly value: Tree };

/** The patch without its directives and without what they leave empty, and what they delete, in order. */
function withoutDirectives(
  document: TalosDocument,
  issue: Report,
): { readonly rest: TreeMap; readonly deletions: readonly Deletion[] } {
  const deletions: Deletion[] = [];

  function ofMap(map: TreeMap, path: TreePath): TreeMap | undefined {
    const kept: [string, Tree][] = [];
    let removed = false;
    for (const [key, value] of Object.entries(map)) {
      const at = [...path, key];
      if (isDirective(value)) {
        if (at.some((part) => typeof part === 'number'))
          issue(at, 'keys inside an element of a list cannot be deleted');
        else deletions.push({ kind: 'key', path: at.map(String) });
        removed = true;
        continue;
      }
      const inner = isMap(value) ? ofMap(value, at) : isList(value) ? ofList(value, at) : value;
      if (inner === undefined) removed = true;
      else kept.push([key, inner]);
    }
    return removed && kept.length === 0 ? undefined : Object.fromEntries(kept);
  }

  function ofList(list: readonly Tree[], path: TreePath): readonly Tree[] | undefined {
    const kept: Tree[] = [];
    for (const [index, element] of list.entries()) {
      const at = [...path, index];
      if (isMap(element) && isDirective(element)) {
        const [selector] = Object.entries(element).filter(([key]) => key !== DIRECTIVE);
        if (!selector) issue(at, 'want a key beside $patch that tells which element to delete');
        else if (path.some((part) => typeof part === 'number')) issue(at, 'lists inside lists cannot be deleted from');
        else {
          const [key, value] = selector;
          deletions.push({ kind: 'element', path: path.map(String), key, value });
        }
        continue;
      }
      const inner = isMap(element) ? ofMap(element, at) : element;
      if (inner !== undefined) kept.push(inner);
    }
    return kept.length === 0 && list.length > 0 ? undefined : kept;
  }

  return { rest: ofMap(document, []) ?? {}, deletions };
}

const isDirective = (value: Tree): value is TreeMap => isMap(value) && value[DIRECTIVE] === 'delete';

/** Keys that hold maps of any keys: there a key that is not there is a mistake, elsewhere it is unset already. */
const FREE_MAPS: ReadonlySet<string> = new Set(
  `annotations auth backendExtraConfig config configuration credentialProviderConfig env extraArgs extraConfig
  extraManifestHeaders extraTags features headers labels limits mirrors nodeAnnotations nodeLabels nodeTaints overrides
  params requests sysctls sysfs taints webhook`.split(/\s+/),
);

function deleted(document: TalosDocument, deletion: Deletion, issue: Report): TalosDocument {
  const absent = () => issue(deletion.path, 'there is nothing to delete');

  function within(value: Tree | undefined, [head, ...rest]: readonly string[], parent: string): Tree | undefined {
    if (head === undefined) {
      if (deletion.kind === 'key') return undefined;
      const at = isList(value)
        ? value.findIndex((one) => isMap(one) && isSame(own(one, deletion.key), deletion.value))
        : -1;
      if (at < 0 || !isList(value)) absent();
      else return value.toSpliced(at, 1);
      return value;
    }
    if (!isMap(value)) {
      absent();
      return value;
    }
    const inner = own(value, head);
    if (inner === undefined && (rest.length > 0 || deletion.kind === 'element' || FREE_MAPS.has(parent))) {
      absent();
      return value;
    }
    const { [head]: _replaced, ...others } = value;
    const next = within(inner, rest, head);
    if (next === undefined) return others;
    return Object.fromEntries(Object.entries(value).map(([key, old]) => [key, key === head ? next : old]));
  }

  return mapOf(within(document, deletion.path, '') ?? {});
}

/** Of a patch that only deleted. */
const isOnlyVersion = (document: TalosDocument): boolean =>
  kindOf(document) === V1ALPHA1 &&
  nameOf(document) === undefined &&
  Object.keys(document).every((key) => key === 'version');
