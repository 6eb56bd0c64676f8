import { differences } from '#server/api/decide/difference.ts';
import { writeDocument } from '#machines/contract/api/document-form.ts';
import { type Document, type DocumentKind, machineDocument } from '#machines/contract/documents.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import { afterAction, mayDo } from '#machines/decide/actions.ts';
import type { Registry, RegistryChange } from '#services/registry/contract.ts';
import type { StoredDocument } from '#services/store/contract.ts';

/** A working registry without a store: what the API needs of one. */
export function memoryRegistry(): Registry {
  const machines = new Map<string, Machine>();
  const documents = new Map<string, StoredDocument>();
  const listeners = new Set<(change: RegistryChange) => void>();
  const grants: Grant[] = [];
  const tell = (change: RegistryChange): void => {
    for (const listener of listeners) listener(change);
  };
  const set = (machine: Machine): void => {
    machines.set(machine.document.name, machine);
    tell({ kind: 'machine', name: machine.document.name, machine });
  };
  const byMac: Registry['machineByMac'] = (mac) =>
    [...machines.values()].find(({ document, identifiers }) => [...document.macs, ...identifiers.macs].includes(mac));
  const ofKind = (kind: DocumentKind): readonly StoredDocument[] =>
    [...documents.values()].filter(({ document }) => document.kind === kind);
  const one = (kind: DocumentKind, name: string): Document | undefined => documents.get(`${kind} ${name}`)?.document;

  return {
    machineByMac: byMac,
    machineByIdentifier: () => undefined,
    machine: (name) => machines.get(name),
    machines: () => [...machines.values()],
    profile: (name) => {
      const found = one('Profile', name);
      return found?.kind === 'Profile' ? found : undefined;
    },
    classes: () => ofKind('Class').flatMap(({ document }) => (document.kind === 'Class' ? [document] : [])),
    image: (name) => {
      const found = one('Image', name);
      return found?.kind === 'Image' ? found : undefined;
    },
    subnets: () => ofKind('Subnet').flatMap(({ document }) => (document.kind === 'Subnet' ? [document] : [])),
    documents: ofKind,
    machineByReservation: (address) => [...machines.values()].find(({ document }) => document.address === address),
    observe({ mac, facts, source, at }) {
      const known = byMac(mac);
      const seen: Machine = known ?? {
        document: machineDocument.parse({ kind: 'Machine', name: `m-${mac.replaceAll(':', '')}` }),
        acceptance: 'seen',
        service: 'none',
        locked: false,
        identifiers: { macs: [mac], uuids: [], serials: [] },
        facts: {},
        firstSeen: at,
        rev: 1,
      };
      const observed = Object.entries(facts).map(([name, value]) => [name, { value, at, source }] as const);
      const machine = { ...seen, lastSeen: at, facts: { ...seen.facts, ...Object.fromEntries(observed) } };
      set(machine);
      return machine;
    },
    grantFor: (machine) => grants.find((grant) => grant.machine === machine && grant.spentAt === undefined),
    async grant({ machine: name, profile, by }) {
      const machine = machines.get(name);
      if (!machine) return { kind: 'not-found', what: `machine ${name}` };
      const allowed = mayDo('netboot', machine);
      if (allowed.kind === 'refused') return allowed;
      const grant = { id: `g${grants.length + 1}`, machine: name, profile, createdAt: 1, by };
      grants.push(grant);
      tell({ kind: 'grant', grant });
      return { kind: 'done', value: grant };
    },
    useGrant() {},
    async spendGrant() {},
    async put(document, by) {
      const key = `${document.kind} ${document.name}`;
      const before = document.kind === 'Machine' ? machines.get(document.name) : documents.get(key);
      const rev = before?.rev ?? 0;
      if (by.expected !== undefined && by.expected !== rev) return { kind: 'stale', rev };
      const same = before && differences(writeDocument(before.document), writeDocument(document)).length === 0;
      const change = before ? (same ? 'unchanged' : 'changed') : 'created';
      const next = same ? rev : rev + 1;
      const from = by.appliedFrom === undefined ? {} : { appliedFrom: by.appliedFrom };
      if (document.kind === 'Machine') {
        const owner = document.macs.map(byMac).find((other) => other && other.document.name !== document.name);
        if (owner) return { kind: 'exists', what: `a MAC of ${document.name}`, holder: owner.document.name };
        const known = machines.get(document.name);
        const acceptance = known && known.acceptance !== 'seen' ? known.acceptance : 'accepted';
        const empty = { macs: [], uuids: [], serials: [] };
        set({
          service: 'none',
          locked: false,
          identifiers: empty,
          facts: {},
          ...known,
          document,
          acceptance,
          ...from,
          rev: next,
        });
      } else {
        documents.set(key, { document, rev: next, ...from });
        tell({ kind: 'document', documentKind: document.kind, name: document.name, document });
      }
      return { kind: 'done', value: { rev: next, change } };
    },
    async remove(kind, name) {
      const machine = machines.get(name);
      if (kind === 'Machine' && machine) {
        const allowed = mayDo('remove', machine);
        if (allowed.kind === 'refused') return allowed;
        machines.delete(name);
        tell({ kind: 'machine', name, machine: undefined });
        return { kind: 'done', value: undefined };
      }
      if (!documents.delete(`${kind} ${name}`)) return { kind: 'not-found', what: `${kind.toLowerCase()} ${name}` };
      tell({ kind: 'document', documentKind: kind, name, document: undefined });
      return { kind: 'done', value: undefined };
    },
    async act(name, action) {
      const machine = machines.get(name);
      if (!machine) return { kind: 'not-found', what: `machine ${name}` };
      const allowed = mayDo(action, machine);
      if (allowed.kind === 'refused') return allowed;
      if (action === 'netboot' || action === 'remove') throw new Error(`${action} is no action of its own`);
      const after = { ...afterAction(action, machine), rev: machine.rev + 1 };
      set(after);
      return { kind: 'done', value: after };
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
