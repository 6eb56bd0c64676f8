import type { Difference } from '#machines/contract/api/apply.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import type { Document, DocumentKind, MachineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { mayDo } from '#machines/decide/actions.ts';
import { differences } from './difference.ts';

/** What is there now. */
export type Current = {
  /** A machine that was only seen counts: applying it makes it somebody's intent. */
  document(kind: DocumentKind, name: string): Document | undefined;
  machine(name: string): Machine | undefined;
  /** Whose MAC this is, if it is in a document. */
  ownerOf(mac: MachineDocument['macs'][number]): Machine | undefined;
  /** All that was applied from this file or directory. */
  appliedFrom(from: string): readonly { readonly kind: DocumentKind; readonly name: string }[];
};

export type Step =
  | {
      readonly kind: 'put';
      readonly document: Document;
      readonly index: number;
      readonly change: 'created' | 'changed' | 'unchanged';
      readonly differences: readonly Difference[];
      readonly because?: string;
    }
  | {
      readonly kind: 'wrong';
      readonly document: Document;
      readonly index: number;
      readonly path: string;
      readonly text: string;
    }
  | { readonly kind: 'remove'; readonly documentKind: DocumentKind; readonly name: string }
  | {
      readonly kind: 'keep';
      readonly documentKind: DocumentKind;
      readonly name: string;
      readonly because: string;
    };

/** What is referred to comes first; it is removed in the other order. */
const ORDER: readonly DocumentKind[] = ['Image', 'Network', 'Profile', 'Class', 'Subnet', 'Machine', 'Cluster'];
const rank = (kind: DocumentKind): number => ORDER.indexOf(kind);

/** What applying a set of documents would do. Steps are in the order in which they can be done. */
export function planApply(request: {
  readonly documents: readonly Document[];
  readonly prune: boolean;
  readonly from: string | undefined;
  readonly mayNamePaths: boolean;
  readonly current: Current;
}): readonly Step[] {
  const { documents, current } = request;
  const names = new Map<string, number>();
  const macs = new Map<string, number>();
  const given = new Set(documents.map(keyOf));
  const removals = request.prune ? prunes(request.from, given, current) : [];
  const removed = new Set(
    removals.flatMap((step) => (step.kind === 'remove' ? [`${step.documentKind} ${step.name}`] : [])),
  );
  const exists = (kind: DocumentKind, name: string): boolean =>
    given.has(`${kind} ${name}`) || (current.document(kind, name) !== undefined && !removed.has(`${kind} ${name}`));

  const puts = documents.map((document, index): Step => {
    const wrong =
      repeated(document, index, names, macs) ??
      foreignMac(document, given, current) ??
      missingReference(document, exists) ??
      ruledOut(document, request.mayNamePaths);
    return wrong ? { kind: 'wrong', document, index, ...wrong } : put(document, index, current);
  });
  return [
    ...puts.toSorted((a, b) => rank(kindOfStep(a)) - rank(kindOfStep(b))),
    ...removals.toSorted((a, b) => rank(kindOfStep(b)) - rank(kindOfStep(a))),
  ];
}

const kindOfStep = (step: Step): DocumentKind => ('document' in step ? step.document.kind : step.documentKind);
const keyOf = ({ kind, name }: Document): string => `${kind} ${name}`;

function put(document: Document, index: number, current: Current): Step {
  const before = current.document(document.kind, document.name);
  const found = differences(before && writeDocument(before), writeDocument(document));
  const rejected = document.kind === 'Machine' && current.machine(document.name)?.acceptance === 'rejected';
  return {
    kind: 'put',
    document,
    index,
    change: before ? (found.length > 0 ? 'changed' : 'unchanged') : 'created',
    differences: before ? found : [],
    ...(rejected ? { because: 'a person rejected it, and it stays rejected' } : {}),
  };
}

type Wrong = { readonly path: string; readonly text: string };

/** Only a person at the desk sees which of two documents was meant. */
function repeated(
  document: Document,
  index: number,
  names: Map<string, number>,
  macs: Map<string, number>,
): Wrong | undefined {
  const earlier = names.get(keyOf(document));
  if (earlier !== undefined) return { path: 'name', text: `${keyOf(document)} is given twice; want it once` };
  names.set(keyOf(document), index);
  if (document.kind !== 'Machine') return undefined;
  for (const [at, mac] of document.macs.entries()) {
    if (macs.has(mac)) return { path: `macs[${at}]`, text: `${mac} is given twice; want each MAC once` };
    macs.set(mac, index);
  }
  return undefined;
}

/** A machine that was only seen gives its MAC to whoever names it; one that is being changed as well may have lost it. */
function foreignMac(document: Document, given: ReadonlySet<string>, current: Current): Wrong | undefined {
  if (document.kind !== 'Machine') return undefined;
  for (const [at, mac] of document.macs.entries()) {
    const owner = current.ownerOf(mac);
    const other = owner?.document.name;
    if (!owner || other === document.name || owner.acceptance === 'seen' || given.has(`Machine ${other}`)) continue;
    return { path: `macs[${at}]`, text: `${mac} belongs to machine ${other}; remove it there first` };
  }
  return undefined;
}

function missingReference(
  document: Document,
  exists: (kind: DocumentKind, name: string) => boolean,
): Wrong | undefined {
  for (const [kind, path, name] of referencesOf(document)) {
    if (name === undefined || exists(kind, name)) continue;
    return { path, text: `there is no ${kind.toLowerCase()} ${name}; apply it first, or in the same file` };
  }
  return undefined;
}

function referencesOf(
  document: Document,
): readonly (readonly [kind: DocumentKind, path: string, name: string | undefined])[] {
  switch (document.kind) {
    case 'Machine':
      return [
        ['Profile', 'profile', document.profile],
        ['Network', 'network', document.network?.use],
      ];
    case 'Class':
      return [['Profile', 'profile', document.profile]];
    case 'Profile':
      return [['Image', 'image', document.image]];
    case 'Cluster':
      return [
        ...document.controlPlane.map((name, index) => ['Machine', `controlPlane[${index}]`, name] as const),
        ...document.workers.map((name, index) => ['Machine', `workers[${index}]`, name] as const),
      ];
    default:
      return [];
  }
}

function ruledOut(document: Document, mayNamePaths: boolean): Wrong | undefined {
  if (document.kind === 'Subnet') {
    return { path: 'kind', text: 'subnets are read from the configuration file of the daemon; change them there' };
  }
  return mayNamePaths ? undefined : namesPath(document);
}

/** Whoever names a file of the daemon's machine has it served to the whole boot network, so it takes an admin. */
export function namesPath(document: Document): Wrong | undefined {
  if (document.kind !== 'Image') return undefined;
  const at = document.assets.findIndex(({ path }) => path !== undefined);
  return at < 0
    ? undefined
    : { path: `assets[${at}].path`, text: 'only an admin may name files of the daemon’s machine' };
}

function prunes(from: string | undefined, given: ReadonlySet<string>, current: Current): readonly Step[] {
  if (from === undefined) return [];
  return current
    .appliedFrom(from)
    .filter(({ kind, name }) => !given.has(`${kind} ${name}`))
    .map(({ kind: documentKind, name }): Step => {
      const machine = documentKind === 'Machine' ? current.machine(name) : undefined;
      const because = machine ? reasonToKeep(machine) : undefined;
      return because === undefined
        ? { kind: 'remove', documentKind, name }
        : { kind: 'keep', documentKind, name, because };
    });
}

/** Never a machine with a lock or an installed system. */
function reasonToKeep(machine: Machine): string | undefined {
  const allowed = mayDo('remove', machine);
  if (allowed.kind === 'refused') return allowed.because;
  if (machine.service === 'adopted' || machine.service === 'maintenance') {
    return `${machine.document.name}: it is in service (${machine.service})`;
  }
  return undefined;
}
