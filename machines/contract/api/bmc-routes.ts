import { z } from 'zod';
import { name } from '../documents.ts';
import { inventory } from '../inventory.ts';
import {
  bmcEvent,
  bmcResource,
  bmcTry,
  credentialInfo,
  credentialsAnswer,
  credentialsApplied,
  discovery,
  discoveryAnswer,
  learnedQuirks,
  machineBmc,
  newCredential,
  personAsk,
  pinAnswer,
  pinOrder,
  powerOperation,
  powerOrder,
  powerReading,
  quirksImported,
  rotation,
  triedBmc,
} from './bmc-resource.ts';
import type { Route } from './route.ts';

const byName = z.strictObject({ name });
const byId = z.strictObject({ id: z.string().max(64) });
const items = <S extends z.ZodType>(schema: S) => z.object({ items: z.array(schema) });
const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;
const empty = { kind: 'empty' } as const;

/** A keystroke, or what was pasted. */
const MAX_TYPED_BYTES = 64 * 1024;

/** Power, BMCs and consoles. */
export const BMC_ROUTES = {
  listPower: {
    method: 'GET',
    path: '/api/v1/power',
    summary: 'The power of all machines with a BMC, as it was read last',
    role: 'viewer',
    answer: json(items(powerReading)),
  },
  getPower: {
    method: 'GET',
    path: '/api/v1/machines/{name}/power',
    summary: 'The power of a machine, asked of its BMC now',
    role: 'viewer',
    params: byName,
    answer: json(powerReading),
  },
  setPower: {
    method: 'POST',
    path: '/api/v1/machines/{name}/power',
    summary: 'Turn a machine on or off, cycle or reset it; the operation goes on in the daemon',
    role: 'operator',
    params: byName,
    body: json(powerOrder),
    answer: { ...json(powerOperation), status: 201 },
  },
  getPowerOperation: {
    method: 'GET',
    path: '/api/v1/power-operations/{id}',
    summary: 'A power action; with `seen`, waits up to 25 s for more than that',
    role: 'viewer',
    params: byId,
    query: z.strictObject({ seen: z.coerce.number().int().min(0).optional() }),
    answer: json(powerOperation),
  },
  listPersonAsks: {
    method: 'GET',
    path: '/api/v1/person-asks',
    summary: 'What people are asked to do at machines, because nothing else can',
    role: 'viewer',
    answer: json(items(personAsk)),
  },
  answerPersonAsk: {
    method: 'POST',
    path: '/api/v1/machines/{name}/person-ask',
    summary: 'Say that it was done, or that it was not',
    role: 'operator',
    params: byName,
    body: json(z.strictObject({ did: z.boolean() })),
    answer: json(personAsk),
  },

  listBmcs: {
    method: 'GET',
    path: '/api/v1/bmcs',
    summary: 'All BMCs that are known, whose they are, and what is odd about them',
    role: 'viewer',
    answer: json(items(bmcResource)),
  },
  getMachineBmc: {
    method: 'GET',
    path: '/api/v1/machines/{name}/bmc',
    summary: 'A machine’s BMC, and who does what it lacks',
    role: 'viewer',
    params: byName,
    answer: json(machineBmc),
  },
  pinBmc: {
    method: 'POST',
    path: '/api/v1/machines/{name}/bmc/pin',
    summary: 'Show the certificate of a BMC, or pin it: no credential is sent to another',
    role: 'admin',
    params: byName,
    body: json(pinOrder),
    answer: json(pinAnswer),
  },
  identifyMachine: {
    method: 'POST',
    path: '/api/v1/machines/{name}/bmc/identify',
    summary: 'Turn the locate light on for so many seconds; 0 turns it off',
    role: 'operator',
    params: byName,
    body: json(z.strictObject({ seconds: z.int().min(0).max(86_400) })),
    answer: empty,
  },
  readBmcInventory: {
    method: 'POST',
    path: '/api/v1/machines/{name}/bmc/inventory',
    summary: 'Read what the machine is made of from its BMC, now, and keep it',
    role: 'operator',
    params: byName,
    answer: json(inventory),
  },
  listBmcEvents: {
    method: 'GET',
    path: '/api/v1/machines/{name}/bmc/events',
    summary: 'The event log of a BMC, oldest first, by its own clock',
    role: 'viewer',
    params: byName,
    answer: json(items(bmcEvent)),
  },
  rotateBmc: {
    method: 'POST',
    path: '/api/v1/machines/{name}/bmc/rotate',
    summary: 'Give a BMC a password of its own, which nobody sees; the old one is forgotten once a login has proven it',
    role: 'admin',
    params: byName,
    answer: json(rotation),
  },
  discoverBmcs: {
    method: 'POST',
    path: '/api/v1/bmc-discoveries',
    summary: 'Look for BMCs at every address of a subnet (/20 at most); no credential is sent',
    role: 'operator',
    body: json(discovery),
    answer: json(discoveryAnswer),
  },
  tryBmcs: {
    method: 'POST',
    path: '/api/v1/bmc-tries',
    summary: 'Log in to named BMCs with one credential, once each; to a pinned certificate alone',
    role: 'admin',
    body: json(bmcTry),
    answer: json(items(triedBmc)),
  },
  listBmcQuirks: {
    method: 'GET',
    path: '/api/v1/bmc-quirks',
    summary: 'What was found to work, by model and firmware',
    role: 'viewer',
    answer: json(items(learnedQuirks)),
  },

  importBmcQuirks: {
    method: 'POST',
    path: '/api/v1/bmc-quirks',
    summary: 'Begin with what another Ingot has found to work; what BMCs here have taught counts more',
    role: 'admin',
    body: json(quirksImported),
    answer: json(z.object({ kept: z.int() })),
  },
  listCredentials: {
    method: 'GET',
    path: '/api/v1/bmc-credentials',
    summary: 'Credentials of BMCs, without their secrets',
    role: 'operator',
    answer: json(items(credentialInfo)),
  },
  applyCredentials: {
    method: 'POST',
    path: '/api/v1/bmc-credentials',
    summary: 'Apply credentials as files say them, or say what would change; secrets are sealed and never given out',
    role: 'admin',
    body: json(credentialsApplied),
    answer: json(credentialsAnswer),
  },
  putCredential: {
    method: 'PUT',
    path: '/api/v1/bmc-credentials/{name}',
    summary: 'Create or replace a credential; its secret is sealed, and never given out again',
    role: 'admin',
    params: byName,
    body: json(newCredential),
    answer: json(credentialInfo),
  },
  removeCredential: {
    method: 'DELETE',
    path: '/api/v1/bmc-credentials/{name}',
    summary: 'Forget a credential',
    role: 'admin',
    params: byName,
    answer: empty,
  },

  openConsole: {
    method: 'POST',
    path: '/api/v1/machines/{name}/console',
    summary: 'The serial console as a stream of bytes; `Ingot-Console` names it for what is typed',
    role: 'operator',
    params: byName,
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  typeIntoConsole: {
    method: 'POST',
    path: '/api/v1/consoles/{id}',
    summary: 'Type into a console that is open',
    role: 'operator',
    params: byId,
    body: { kind: 'bytes', contentType: 'application/octet-stream', maxBytes: MAX_TYPED_BYTES },
    answer: empty,
  },
} as const satisfies Record<string, Route>;
