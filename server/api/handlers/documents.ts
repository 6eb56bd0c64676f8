import { writeDocument } from '#machines/contract/api/document-form.ts';
import { roleAllows } from '#machines/contract/api/role.ts';
import type { Document, DocumentKind } from '#machines/contract/documents.ts';
import type { OperatorApiParts } from '../contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { StoredDocument } from '#services/store/contract.ts';
import {
  type ApiRequest,
  type Handlers,
  notFound,
  problemAnswer,
  problemOf,
  type ProblemAnswer,
  unseen,
  WRONG_CURSOR,
} from '../answers.ts';
import { namesPath } from '../decide/apply-plan.ts';
import { documentPage, type DocumentQuery } from '../decide/document-list.ts';
import { change, wrongName } from './machines.ts';

type Names =
  | 'listProfiles'
  | 'getProfile'
  | 'putProfile'
  | 'removeProfile'
  | 'listClasses'
  | 'getClass'
  | 'putClass'
  | 'removeClass'
  | 'listImages'
  | 'getImage'
  | 'putImage'
  | 'removeImage'
  | 'listNetworks'
  | 'getNetwork'
  | 'putNetwork'
  | 'removeNetwork'
  | 'listClusters'
  | 'getCluster'
  | 'putCluster'
  | 'removeCluster'
  | 'listSubnets'
  | 'getSubnet';

type Kind = Exclude<DocumentKind, 'Machine'>;
type DocumentOf<K extends Kind> = Extract<Document, { kind: K }>;
/** In its written form; the handlers' types hold it to the schema of the kind. */
type Sent<K extends Kind> = DocumentOf<K> & {
  readonly status: { readonly rev: number; readonly appliedFrom?: string };
};

/** Profiles, classes, images, networks and subnets: the same four verbs for each kind. */
export function documentHandlers({
  registry,
  jobs,
  clusters,
}: Pick<OperatorApiParts, 'jobs' | 'clusters'> & { readonly registry: Registry }): Pick<Handlers, Names> {
  const stored = <K extends Kind>(kind: K): readonly StoredDocument<DocumentOf<K>>[] =>
    registry.documents(kind) as readonly StoredDocument<DocumentOf<K>>[];

  const list =
    <K extends Kind>(kind: K) =>
    ({ query }: { readonly query: DocumentQuery }) =>
      listed(stored(kind), query, sent<K>);

  const get =
    <K extends Kind>(kind: K) =>
    ({ params: { name } }: { readonly params: { readonly name: string } }) => {
      const one = stored(kind).find((each) => nameOf(each) === name);
      return one ? ({ kind: 'done', value: sent<K>(one), rev: one.rev } as const) : missing(kind, name);
    };

  async function put<K extends Kind>(
    kind: K,
    document: Document,
    {
      params,
      caller,
      expected,
      overwrites,
    }: Pick<ApiRequest<'putProfile'>, 'params' | 'caller' | 'expected' | 'overwrites'>,
  ): Promise<{ kind: 'done'; value: Sent<K>; rev: number } | ProblemAnswer> {
    if (document.name !== params.name) return wrongName(params.name, document.name);
    const path = roleAllows(caller.role, 'admin') ? undefined : namesPath(document);
    if (path) return problemAnswer('forbidden', { detail: `${path.path}: ${path.text}` });
    const before = stored(kind).find((each) => nameOf(each) === params.name);
    const notSeen = unseen(before?.rev, { expected, overwrites });
    if (notSeen) return notSeen;
    const outcome = await registry.put(document, change({ who: caller.name, expected }));
    if (outcome.kind !== 'done') return problemOf(outcome);
    const one = stored(kind).find((each) => nameOf(each) === params.name);
    return one ? { kind: 'done', value: sent<K>(one), rev: one.rev } : missing(kind, params.name);
  }

  const remove =
    (kind: Kind) =>
    async ({ params, caller, expected }: Pick<ApiRequest<'removeProfile'>, 'params' | 'caller' | 'expected'>) => {
      const outcome = await registry.remove(kind, params.name, change({ who: caller.name, expected }));
      return outcome.kind === 'done' ? ({ kind: 'done', value: undefined } as const) : problemOf(outcome);
    };

  return {
    listProfiles: list('Profile'),
    getProfile: get('Profile'),
    putProfile: (request) => put('Profile', request.body, request),
    removeProfile: remove('Profile'),
    listClasses: list('Class'),
    getClass: get('Class'),
    putClass: (request) => put('Class', request.body, request),
    removeClass: remove('Class'),
    listImages: list('Image'),
    getImage: get('Image'),
    putImage: (request) => put('Image', request.body, request),
    removeImage: remove('Image'),
    listNetworks: list('Network'),
    getNetwork: get('Network'),
    putNetwork: (request) => put('Network', request.body, request),
    removeNetwork: remove('Network'),
    listClusters: list('Cluster'),
    getCluster: get('Cluster'),
    putCluster: (request) => put('Cluster', request.body, request),
    async removeCluster(request) {
      const { name } = request.params;
      const document = registry.cluster(name);
      const busy = [...(document?.controlPlane ?? []), ...(document?.workers ?? [])].find(
        (machine) => jobs.unfinishedOf(machine).length > 0,
      );
      if (busy !== undefined) {
        const next = `ingot job list --machine ${busy}`;
        return problemAnswer('refused', { detail: `cluster ${name}: a job works on ${busy}`, next });
      }
      const removed = await remove('Cluster')(request);
      // With its secrets goes every way into it that was not handed out.
      if (removed.kind === 'done') await clusters.secrets.forget(name);
      return removed;
    },
    listSubnets: ({ query }) => listed(stored('Subnet'), query, sentSubnet),
    getSubnet: ({ params: { name } }) => {
      const one = stored('Subnet').find(({ document }) => document.name === name);
      return one ? { kind: 'done', value: sentSubnet(one), rev: one.rev } : missing('Subnet', name);
    },
  };
}

function listed<S extends StoredDocument, D>(
  documents: readonly S[],
  query: DocumentQuery,
  write: (one: S) => D,
): ProblemAnswer | { kind: 'done'; value: { items: D[]; total: number; next?: string } } {
  const page = documentPage(documents, query);
  return 'wrongCursor' in page ? WRONG_CURSOR : { kind: 'done', value: { ...page, items: page.items.map(write) } };
}

const nameOf = ({ document }: StoredDocument): string => document.name;
const missing = (kind: Kind, name: string): ProblemAnswer => notFound(`${kind.toLowerCase()} ${name}`);

const statusOf = ({ rev, appliedFrom }: StoredDocument) => ({
  rev,
  ...(appliedFrom === undefined ? {} : { appliedFrom }),
});

const sent = <K extends Kind>(one: StoredDocument<DocumentOf<K>>): Sent<K> => ({
  ...one.document,
  status: statusOf(one),
});

function sentSubnet(one: StoredDocument<DocumentOf<'Subnet'>>) {
  const { cidr, pools } = writeDocument(one.document) as unknown as { cidr: string; pools: readonly string[] };
  return { ...one.document, cidr, pools, status: statusOf(one) };
}
