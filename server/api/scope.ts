import { makeProblem, type Problem } from '#machines/contract/api/problem.ts';
import type { RouteName } from '#machines/contract/api/routes.ts';
import { holds, parseSelector, type Term } from '#machines/contract/api/selector.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { AccessKey } from '#services/store/contract.ts';
import type { ApiAnswer } from './answers.ts';
import type { OperatorApiParts } from './contract.ts';

/**
 * What a route is to somebody who may see some machines only.
 *
 * `free`: it is about no single machine. `labels`: its query has conditions on labels, and gets those of the scope.
 * `items`: of its answer, items about other machines are left out. `machines`: what it is about is named in the request;
 * `found` by an id. `stream`: the stream asks for each event. Everything else is refused.
 */
type Rule =
  | { readonly kind: 'free' | 'labels' | 'items' | 'stream' }
  | {
      readonly kind: 'machines';
      readonly of: (read: Read) => readonly string[];
      readonly keeps?: boolean;
      readonly byMac?: boolean;
    }
  | { readonly kind: 'found'; readonly what: (id: string) => string; readonly by: keyof Found };

type Read = { readonly params: unknown; readonly query: unknown; readonly body: unknown };

/** The machine of something that has an id; nothing where there is no such thing. */
type Found = Readonly<Record<'plan' | 'job' | 'attempt' | 'operation', (id: string) => Promise<string | undefined>>>;

const FREE = { kind: 'free' } as const;
const LABELS = { kind: 'labels' } as const;
const ITEMS = { kind: 'items' } as const;
const NAMED = { kind: 'machines', of: ({ params }: Read) => [field(params, 'name')] } as const;
/** Who and where a machine is must stay: else a scope would be left by writing another label, MAC or BMC. */
const EDITED = { ...NAMED, keeps: true } as const;
const found = (by: keyof Found, what: (id: string) => string): Rule => ({ kind: 'found', by, what });
const JOB = found('job', (id) => `job ${id}`);
const ATTEMPT = found('attempt', (id) => `attempt ${id}`);

/**
 * Every route that somebody with a scope may use at all; what is not here is refused to them, so that a new route is
 * closed until somebody has thought about it.
 */
export const SCOPE_RULES: Readonly<Partial<Record<RouteName, Rule>>> = {
  // Counts of all machines, and no name of any.
  getStatus: FREE,
  listMachines: LABELS,
  getMachine: NAMED,
  putMachine: EDITED,
  patchMachine: EDITED,
  removeMachine: NAMED,
  actOnMachine: NAMED,
  bootMachine: NAMED,
  getInventory: NAMED,
  getMachineConfig: NAMED,
  replaceMachine: { kind: 'machines', of: ({ params, body }) => [field(params, 'name'), field(body, 'by')] },
  explain: { kind: 'machines', of: ({ query }) => [field(query, 'of')], byMac: true },
  listProfiles: FREE,
  getProfile: FREE,
  listClasses: FREE,
  getClass: FREE,
  listImages: FREE,
  getImage: FREE,
  listImageStates: FREE,
  getImageState: FREE,
  listImageCatalog: FREE,
  listNetworks: FREE,
  getNetwork: FREE,
  listSubnets: FREE,
  getSubnet: FREE,
  listLoaders: FREE,
  getAgentImage: FREE,
  makePlans: { kind: 'machines', of: ({ body }) => strings(valueOf(body, 'machines')) },
  getPlan: found('plan', (id) => `plan ${id}: it was confirmed, or is over an hour old`),
  startJobs: { kind: 'machines', of: ({ body }) => list(valueOf(body, 'jobs')).map((job) => field(job, 'machine')) },
  listJobs: LABELS,
  getJob: JOB,
  listJobEvents: JOB,
  getCertificate: JOB,
  getCertificatePage: JOB,
  listCertificates: LABELS,
  getCertificateKey: FREE,
  cancelJob: JOB,
  listPower: ITEMS,
  getPower: NAMED,
  setPower: NAMED,
  getPowerOperation: found('operation', (id) => `power operation ${id}`),
  listPersonAsks: ITEMS,
  answerPersonAsk: NAMED,
  listBmcs: ITEMS,
  getMachineBmc: NAMED,
  identifyMachine: NAMED,
  readBmcInventory: NAMED,
  listBmcEvents: NAMED,
  openConsole: NAMED,
  // Its id is a secret of whoever has opened the console, and was let in to it.
  typeIntoConsole: FREE,
  rebootMachine: NAMED,
  shutdownMachine: NAMED,
  readSystemLog: NAMED,
  listAttempts: LABELS,
  getAttempt: ATTEMPT,
  listEvents: ATTEMPT,
  getPcap: ATTEMPT,
  listLeases: LABELS,
  listPrometheusTargets: LABELS,
  watch: { kind: 'stream' },
  whoAmI: FREE,
  endSession: FREE,
  logout: FREE,
  // The code has the same scope.
  makeCode: FREE,
  setPassword: FREE,
  getOpenApi: FREE,
  getPage: FREE,
  getPageFile: FREE,
};

/** What somebody with a scope may see and do: asked once for each request, before its handler, and once after it. */
export type Within = {
  /** What the handler gets in the place of what was sent, or why it is not asked. */
  enter(route: RouteName, read: Read): Promise<{ readonly read: Read } | { readonly problem: Problem }>;
  /** The answer without what is about other machines. */
  leave<N extends RouteName>(route: N, answer: ApiAnswer<N>): ApiAnswer<N>;
  /** Is this machine in the scope now? Labels change while a stream is open. */
  readonly sees: (machine: string | undefined) => boolean;
};

/** Scopes of callers; nothing for who may see all machines. */
export function scopes(parts: Pick<OperatorApiParts, 'registry' | 'plans' | 'jobs' | 'recorder' | 'bmc'>) {
  const { registry } = parts;
  const byId: Found = {
    plan: async (id) => parts.plans.get(id)?.plan.machine,
    job: async (id) => (await parts.jobs.get(id))?.machine,
    attempt: async (id) => (await parts.recorder.attempt(id))?.machine,
    operation: async (id) => parts.bmc.operations.get(id)?.machine,
  };
  return ({ scope }: Pick<AccessKey, 'scope'>): Within | undefined => {
    if (scope === undefined) return undefined;
    const selector = parseSelector(scope);
    // What cannot be read lets nobody see anything.
    const terms: readonly Term[] | undefined = selector.ok && selector.value.length > 0 ? selector.value : undefined;
    const seesMachine = (machine: Machine | undefined): boolean =>
      machine !== undefined && terms !== undefined && terms.every((term) => holds(term, labelOf(machine, term.key)));
    const sees = (name: string | undefined): boolean => name !== undefined && seesMachine(registry.machine(name));
    /** In the order in which the handler looks. */
    const seesOfMac = (text: string): boolean => {
      const mac = parseMacAddress(text);
      return mac.ok ? seesMachine(registry.machineByMac(mac.value)) : sees(text);
    };

    return {
      sees,
      async enter(route, read) {
        const rule = SCOPE_RULES[route];
        if (!rule || !terms) return { problem: refused(scope) };
        switch (rule.kind) {
          case 'free':
          case 'items':
          case 'stream':
            return { read };
          case 'labels': {
            const query = valuesOf(read.query);
            return { read: { ...read, query: { ...query, label: [...list(query['label']), ...terms] } } };
          }
          case 'machines': {
            const hidden = rule.of(read).find((name) => !(rule.byMac === true ? seesOfMac(name) : sees(name)));
            if (hidden !== undefined) return { problem: missing(`machine ${hidden}`) };
            if (rule.keeps !== true) return { read };
            const machine = registry.machine(field(read.params, 'name'));
            return machine && keepsIdentity(machine, route, valuesOf(read.body)) ? { read } : { problem: moved(scope) };
          }
          case 'found': {
            const id = field(read.params, 'id');
            return sees(await byId[rule.by](id)) ? { read } : { problem: missing(rule.what(id)) };
          }
          default:
            return rule satisfies never;
        }
      },
      leave(route, answer) {
        if (SCOPE_RULES[route]?.kind !== 'items' || answer.kind !== 'done') return answer;
        const value = valuesOf(answer.value);
        const items = list(value['items']).filter((item) => sees(field(item, 'machine')));
        return { ...answer, value: { ...value, items } as unknown as typeof answer.value };
      },
    };
  };
}

const labelOf = ({ document: { labels } }: Machine, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

const IDENTITY = ['name', 'labels', 'macs', 'uuid', 'serial', 'bmc'] as const;

/** A patch must not touch it; a whole document must say the same. */
function keepsIdentity({ document }: Machine, route: RouteName, body: Readonly<Record<string, unknown>>): boolean {
  if (route === 'patchMachine') return IDENTITY.every((key) => !Object.hasOwn(body, key));
  return IDENTITY.every((key) => same(body[key], document[key]));
}

/** By what is in them: keys of one may stand in another order. */
function same(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  const [left, right] = [valuesOf(one), valuesOf(other)];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Array.isArray(one) === Array.isArray(other) && [...keys].every((key) => same(left[key], right[key]));
}

const missing = (what: string): Problem => makeProblem('not-found', { detail: `there is no ${what}` });
const refused = (scope: string): Problem =>
  makeProblem('forbidden', {
    detail: `this is about more than the machines with ${scope}, which are yours`,
    next: 'ask somebody whose token or user has no scope',
  });
const moved = (scope: string): Problem =>
  makeProblem('forbidden', {
    detail: `with the scope ${scope} you may not change ${IDENTITY.join(', ')} of a machine`,
    next: 'ask somebody whose token or user has no scope',
  });

const valuesOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
const valueOf = (value: unknown, key: string): unknown => valuesOf(value)[key];
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const strings = (value: unknown): readonly string[] => list(value).map(String);
/** A name that is not there is no machine's. */
const field = (value: unknown, key: string): string => {
  const inner = valueOf(value, key);
  return typeof inner === 'string' ? inner : '';
};
