import { z } from 'zod';
import { SETTING_ACTIONS } from '../../decide/actions.ts';
import {
  classDocument,
  clusterDocument,
  type DocumentKind,
  imageDocument,
  machineDocument,
  name,
  networkDocument,
  profileDocument,
  subnetDocument,
} from '../documents.ts';
import { certificateKey, certificateSummary, signedCertificate } from '../certificate.ts';
import { inventory } from '../inventory.ts';
import { job, jobEvent, plan } from '../job.ts';
import { accessKey, madeCode, madeToken, newToken, whoAmI } from './access-resource.ts';
import { applyAnswer, applyRequest } from './apply.ts';
import { BMC_ROUTES } from './bmc-routes.ts';
import { CLUSTER_ROUTES } from './cluster-resource.ts';
import { inputOf } from './document-form.ts';
import { explainQuery, explanation } from './explain.ts';
import { IMAGE_ROUTES } from './image-routes.ts';
import { machineConfiguration } from './machine-config.ts';
import { documentQuery, next } from './list.ts';
import { grant, machineList, machineQuery, machineResource } from './machine-resource.ts';
import { MACHINE_SYSTEM_ROUTES } from './machine-system-routes.ts';
import { certificateQuery, jobEventQuery, jobQuery, jobRequest, planAnswer, planRequest } from './job-resource.ts';
import { replaceAnswer, replaceRequest } from './replace.ts';
import { type Route } from './route.ts';
import {
  auditEntry,
  auditQuery,
  auditReport,
  auditVerifyQuery,
  lease,
  leaseList,
  leaseQuery,
  loader,
  loaderUpload,
  systemStatus,
} from './system-resource.ts';
import { attempt, attemptQuery, eventQuery, traceEvent } from './trace-resource.ts';
import { USER_ROUTES } from './user-routes.ts';
import { watchEvent, watchQuery } from './watch.ts';
import { PROMETHEUS_ROUTES } from './prometheus.ts';
import { APPROVAL_ROUTES } from './approval-routes.ts';
import { RATE_ROUTES } from './rate-routes.ts';
import { WEBHOOK_ROUTES } from './webhook-routes.ts';

const byName = z.strictObject({ name });
const byId = z.strictObject({ id: z.string().max(64) });
const items = <S extends z.ZodType>(schema: S) => z.object({ items: z.array(schema) });
/** `next` is given as `after`. */
const page = <S extends z.ZodType>(schema: S) => z.object({ items: z.array(schema), next });
const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;
const empty = { kind: 'empty' } as const;

const documentStatus = z.object({ rev: z.int(), appliedFrom: z.string().optional() });
const mergePatch = z.record(z.string(), z.unknown());

/** Loaders are a few hundred KiB; a UKI with its initrd is tens of MiB. */
export const MAX_LOADER_BYTES = 256 << 20;

/** Subnets live in the configuration file: they are read here and changed there. */
function documentRoutes<T extends z.core.$ZodShape, const F extends readonly string[] = []>(
  collection: string,
  noun: string,
  schema: z.ZodObject<T>,
  /** Fields that a list can be sorted by, beside the name. */
  sorts: F,
) {
  const resource = z.object({ ...schema.shape, status: documentStatus });
  const path = `/api/v1/${collection}` as const;
  return {
    list: {
      method: 'GET',
      path,
      summary: `All ${collection}, filtered, sorted, and page by page where a limit is given`,
      role: 'viewer',
      query: documentQuery(sorts),
      answer: json(
        z.object({ ...page(resource).shape, total: z.int().meta({ description: 'how many match in all' }) }),
      ),
    },
    get: {
      method: 'GET',
      path: `${path}/{name}`,
      summary: `One ${noun}`,
      role: 'viewer',
      params: byName,
      answer: json(resource),
      revision: true,
    },
    put: {
      method: 'PUT',
      path: `${path}/{name}`,
      summary: `Create or replace one ${noun}`,
      role: 'operator',
      params: byName,
      body: json(inputOf(schema)),
      answer: json(resource),
      revision: true,
    },
    remove: {
      method: 'DELETE',
      path: `${path}/{name}`,
      summary: `Remove one ${noun}`,
      role: 'operator',
      params: byName,
      answer: empty,
      revision: true,
    },
  } as const satisfies Record<string, Route>;
}

const profiles = documentRoutes('profiles', 'profile', profileDocument, ['os']);
const classes = documentRoutes('classes', 'class', classDocument, ['priority', 'profile']);
const images = documentRoutes('images', 'image', imageDocument, ['arch']);
const networks = documentRoutes('networks', 'network', networkDocument, []);
const clusters = documentRoutes('clusters', 'cluster', clusterDocument, []);
const subnets = documentRoutes('subnets', 'subnet', subnetDocument, ['domain']);

/** Every route of the operator API. `/healthz` alone stands outside: it needs no rights and tells nothing. */
export const ROUTES = {
  getStatus: {
    method: 'GET',
    path: '/api/v1/status',
    summary: 'How things stand: version, listeners, counts',
    role: 'viewer',
    answer: json(systemStatus),
  },

  listMachines: {
    method: 'GET',
    path: '/api/v1/machines',
    summary: 'Machines, filtered, sorted, page by page',
    role: 'viewer',
    query: machineQuery,
    answer: json(machineList),
  },
  getMachine: {
    method: 'GET',
    path: '/api/v1/machines/{name}',
    summary: 'One machine',
    role: 'viewer',
    params: byName,
    answer: json(machineResource),
    revision: true,
  },
  putMachine: {
    method: 'PUT',
    path: '/api/v1/machines/{name}',
    summary: 'Create or replace one machine’s document; what an operator adds is accepted',
    role: 'operator',
    params: byName,
    body: json(inputOf(machineDocument)),
    answer: json(machineResource),
    revision: true,
  },
  patchMachine: {
    method: 'PATCH',
    path: '/api/v1/machines/{name}',
    summary: 'Change parts of one machine’s document (RFC 7396 merge patch)',
    role: 'operator',
    params: byName,
    body: json(mergePatch),
    answer: json(machineResource),
    revision: true,
  },
  removeMachine: {
    method: 'DELETE',
    path: '/api/v1/machines/{name}',
    summary: 'Forget one machine; it may be seen again',
    role: 'operator',
    params: byName,
    answer: empty,
    revision: true,
  },
  actOnMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/actions/{action}',
    summary: 'Accept, reject, adopt, lock, unlock, put into or take out of maintenance, retire',
    role: 'operator',
    params: z.strictObject({ name, action: z.enum(SETTING_ACTIONS) }),
    answer: json(machineResource),
    revision: true,
  },
  bootMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/boot',
    summary: 'Grant one netboot of a profile that writes no disks',
    role: 'operator',
    params: byName,
    body: json(z.strictObject({ profile: name })),
    answer: { ...json(grant), status: 201 },
  },
  getInventory: {
    method: 'GET',
    path: '/api/v1/machines/{name}/inventory',
    summary: 'What a machine is made of: the newest that each source told',
    role: 'viewer',
    params: byName,
    answer: json(items(inventory)),
  },
  getMachineConfig: {
    method: 'GET',
    path: '/api/v1/machines/{name}/config',
    summary: 'What is configured for a machine, and who said each value',
    role: 'viewer',
    params: byName,
    answer: json(machineConfiguration),
  },
  replaceMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/replace',
    summary: 'Put other hardware in the place of a machine: name, address, credentials and history stay',
    role: 'operator',
    params: byName,
    body: json(replaceRequest),
    answer: json(replaceAnswer),
  },
  explain: {
    method: 'GET',
    path: '/api/v1/explain',
    summary: 'Which rule decides for a machine, and what it would be sent now, byte for byte',
    role: 'viewer',
    query: explainQuery,
    answer: json(explanation),
  },

  listProfiles: profiles.list,
  getProfile: profiles.get,
  putProfile: profiles.put,
  removeProfile: profiles.remove,
  listClasses: classes.list,
  getClass: classes.get,
  putClass: classes.put,
  removeClass: classes.remove,
  listImages: images.list,
  getImage: images.get,
  putImage: images.put,
  removeImage: images.remove,
  ...IMAGE_ROUTES,
  listNetworks: networks.list,
  getNetwork: networks.get,
  putNetwork: networks.put,
  removeNetwork: networks.remove,
  listClusters: clusters.list,
  getCluster: clusters.get,
  putCluster: clusters.put,
  // With it go the secrets by which it is administered.
  removeCluster: { ...clusters.remove, role: 'admin' },
  ...CLUSTER_ROUTES,
  listSubnets: subnets.list,
  getSubnet: subnets.get,

  apply: {
    method: 'POST',
    path: '/api/v1/apply',
    summary: 'Create or change many documents, or say what would change',
    role: 'operator',
    body: json(applyRequest),
    answer: json(applyAnswer),
  },

  makePlans: {
    method: 'POST',
    path: '/api/v1/plans',
    summary: 'What a destructive job would do to which disk of each machine; nothing is done by asking',
    role: 'operator',
    body: json(planRequest),
    answer: { ...json(planAnswer), status: 201 },
  },
  getPlan: {
    method: 'GET',
    path: '/api/v1/plans/{id}',
    summary: 'A plan that was made within the last hour and not confirmed yet',
    role: 'viewer',
    params: byId,
    answer: json(plan),
  },
  startJobs: {
    method: 'POST',
    path: '/api/v1/jobs',
    summary: 'Begin jobs, all or none of them; a destructive one by the id and digest of its plan',
    role: 'operator',
    body: json(jobRequest),
    answer: { ...json(items(job)), status: 201 },
  },
  listJobs: {
    method: 'GET',
    path: '/api/v1/jobs',
    summary: 'Jobs, newest first',
    role: 'viewer',
    query: jobQuery,
    answer: json(page(job)),
  },
  getJob: {
    method: 'GET',
    path: '/api/v1/jobs/{id}',
    summary: 'One job, its steps and how it ended',
    role: 'viewer',
    params: byId,
    answer: json(job),
  },
  listJobEvents: {
    method: 'GET',
    path: '/api/v1/jobs/{id}/events',
    summary: 'What happened during a job, in order',
    role: 'viewer',
    params: byId,
    query: jobEventQuery,
    answer: json(items(jobEvent)),
  },
  getCertificate: {
    method: 'GET',
    path: '/api/v1/jobs/{id}/certificate',
    summary: 'The signed certificate of what a job erased',
    role: 'viewer',
    params: byId,
    answer: json(signedCertificate),
  },
  getCertificatePage: {
    method: 'GET',
    path: '/api/v1/jobs/{id}/certificate.html',
    summary: 'The same as a page to read and to print',
    role: 'viewer',
    params: byId,
    answer: { kind: 'text', contentType: 'text/html; charset=utf-8' },
  },
  getCertificateKey: {
    method: 'GET',
    path: '/api/v1/certificates/key',
    summary: 'The key by which this daemon signs certificates of erasure',
    role: 'viewer',
    answer: json(certificateKey),
  },
  listCertificates: {
    method: 'GET',
    path: '/api/v1/certificates',
    summary: 'Certificates of erasure, those of the newest jobs first',
    role: 'viewer',
    query: certificateQuery,
    answer: json(page(certificateSummary)),
  },
  cancelJob: {
    method: 'POST',
    path: '/api/v1/jobs/{id}/cancel',
    summary: 'End a job; one that writes ends at its next safe point',
    role: 'operator',
    params: byId,
    answer: json(job),
  },

  ...BMC_ROUTES,
  ...MACHINE_SYSTEM_ROUTES,

  listAttempts: {
    method: 'GET',
    path: '/api/v1/attempts',
    summary: 'Boot attempts, newest first',
    role: 'viewer',
    query: attemptQuery,
    answer: json(page(attempt)),
  },
  getAttempt: {
    method: 'GET',
    path: '/api/v1/attempts/{id}',
    summary: 'One boot attempt and its verdict',
    role: 'viewer',
    params: byId,
    answer: json(attempt),
  },
  listEvents: {
    method: 'GET',
    path: '/api/v1/attempts/{id}/events',
    summary: 'What happened during a boot attempt, in order',
    role: 'viewer',
    params: byId,
    query: eventQuery,
    answer: json(items(traceEvent)),
  },
  getPcap: {
    method: 'GET',
    path: '/api/v1/attempts/{id}/pcap',
    summary: 'The packets of a boot attempt, for tshark',
    role: 'viewer',
    params: byId,
    answer: { kind: 'bytes', contentType: 'application/vnd.tcpdump.pcap' },
  },

  listLeases: {
    method: 'GET',
    path: '/api/v1/leases',
    summary: 'Who has which address',
    role: 'viewer',
    query: leaseQuery,
    answer: json(leaseList),
  },
  forgetLease: {
    method: 'DELETE',
    path: '/api/v1/leases/{address}',
    summary: 'Free an address; its holder may still use it until it asks again',
    role: 'operator',
    params: z.strictObject({ address: lease.shape.address }),
    answer: empty,
  },

  listLoaders: {
    method: 'GET',
    path: '/api/v1/loaders',
    summary: 'First-stage boot files: which are there, which are missing',
    role: 'viewer',
    answer: json(items(loader)),
  },
  addLoader: {
    method: 'PUT',
    path: '/api/v1/loaders',
    summary: 'Add a first-stage boot file: every machine of its kind will run it',
    role: 'admin',
    query: loaderUpload,
    body: { kind: 'bytes', contentType: 'application/octet-stream', maxBytes: MAX_LOADER_BYTES },
    answer: json(loader),
  },

  watch: {
    method: 'GET',
    path: '/api/v1/watch',
    summary: 'A stream of changes (server-sent events), resumed with Last-Event-ID',
    role: 'viewer',
    query: watchQuery,
    answer: { kind: 'events', schema: watchEvent },
  },

  whoAmI: {
    method: 'GET',
    path: '/api/v1/session',
    summary: 'Who you are to the daemon',
    role: 'viewer',
    answer: json(whoAmI),
  },
  endSession: {
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Sign out',
    role: 'viewer',
    answer: empty,
  },
  makeCode: {
    method: 'POST',
    path: '/api/v1/codes',
    summary: 'Make a code that opens the page once, with your own role',
    role: 'viewer',
    answer: { ...json(madeCode), status: 201 },
  },
  listTokens: {
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'Tokens and sessions, without their secrets',
    role: 'admin',
    answer: json(items(accessKey)),
  },
  createToken: {
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Make a token; its secret is shown once',
    role: 'admin',
    body: json(newToken),
    answer: { ...json(madeToken), status: 201 },
  },
  removeToken: {
    method: 'DELETE',
    path: '/api/v1/tokens/{id}',
    summary: 'Void a token or a session at once',
    role: 'admin',
    params: byId,
    answer: empty,
  },

  ...USER_ROUTES,

  listAudit: {
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'Who changed what, and who read secrets, newest first',
    role: 'admin',
    query: auditQuery,
    answer: json(page(auditEntry)),
  },
  verifyAudit: {
    method: 'GET',
    path: '/api/v1/audit/verify',
    summary: 'Whether the audit log is as it was written, and the hash of its newest entry',
    role: 'admin',
    query: auditVerifyQuery,
    answer: json(auditReport),
  },
  ...WEBHOOK_ROUTES,
  ...RATE_ROUTES,
  ...APPROVAL_ROUTES,
  ...PROMETHEUS_ROUTES,

  getOpenApi: {
    method: 'GET',
    path: '/api/v1/openapi.json',
    summary: 'This API as an OpenAPI 3.1 document',
    role: 'viewer',
    answer: json(z.record(z.string(), z.unknown())),
  },
  getMetrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'Counters and gauges in the Prometheus text format',
    role: 'viewer',
    answer: { kind: 'text', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  },
  getPage: {
    method: 'GET',
    path: '/',
    summary: 'The page for people',
    role: 'viewer',
    query: z.strictObject({ code: z.string().max(128).optional() }),
    answer: { kind: 'text', contentType: 'text/html; charset=utf-8' },
  },
  getPageFile: {
    method: 'GET',
    path: '/page/{file}',
    summary: 'A file of the page',
    role: 'viewer',
    params: z.strictObject({ file: z.string().regex(/^[A-Za-z0-9_-]+\.(js|css|svg)$/) }),
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
} as const satisfies Record<string, Route>;

export type Routes = typeof ROUTES;
export type RouteName = keyof Routes;
export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

/** Which routes serve the documents of a kind. */
export const DOCUMENT_ROUTES = {
  Machine: { get: 'getMachine', put: 'putMachine', remove: 'removeMachine' },
  Profile: { list: 'listProfiles', get: 'getProfile', put: 'putProfile', remove: 'removeProfile' },
  Class: { list: 'listClasses', get: 'getClass', put: 'putClass', remove: 'removeClass' },
  Image: { list: 'listImages', get: 'getImage', put: 'putImage', remove: 'removeImage' },
  Network: { list: 'listNetworks', get: 'getNetwork', put: 'putNetwork', remove: 'removeNetwork' },
  Cluster: { list: 'listClusters', get: 'getCluster', put: 'putCluster', remove: 'removeCluster' },
  Subnet: { list: 'listSubnets', get: 'getSubnet' },
} as const satisfies Record<DocumentKind, Readonly<Record<string, RouteName>>>;
