import { stringify } from 'yaml';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import type { Resource, ResourceEvent } from '../api/messages/resource.ts';
import { type Sendable, timestamp } from '../api/messages/shape.ts';
import type { ResourceContent } from './decide/hardware-resources.ts';
import { wireSpec } from './decide/wire-spec.ts';
import { DEFINITIONS, metaResources, specMessage } from './decide/resource-definitions.ts';
import { type Journal, openJournal } from './journal.ts';

/** How many changes a watcher may be behind, or may ask back for. */
const CHANGES = 1000;

/** A resource with the text of its spec, as it is sent. */
export type KeptResource = {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly message: Sendable<Resource>;
};
export type Change = {
  readonly kind: 'CREATED' | 'UPDATED' | 'DESTROYED';
  readonly resource: KeptResource;
  readonly old?: KeptResource;
};

/** What the machine API's COSI state shows of this machine. */
export type Resources = {
  /** Replaces all that there is of these types; only what differs is a change. */
  replace(types: readonly string[], contents: readonly ResourceContent[]): void;
  /** Whether there is such a type in such a namespace, be it without a resource. */
  knows(namespace: string, type: string): boolean;
  get(namespace: string, type: string, id: string): KeptResource | undefined;
  /** Sorted by id. */
  list(namespace: string, type: string): readonly KeptResource[];
  readonly changes: Journal<Change>;
};

export function openResources(parts: {
  readonly definition: MachineApiDefinition;
  readonly now: () => number;
  /** Further types, of which only YAML is sent. */
  readonly plain?: readonly { readonly namespace: string; readonly type: string }[];
}): Resources {
  const tables = new Map<
    string,
    Map<string, KeptResource & { readonly version: number; readonly createdMs: number }>
  >();
  const changes = openJournal<Change>(CHANGES);
  const known = new Set([...DEFINITIONS, ...(parts.plain ?? [])].map(({ namespace, type }) => keyOf(namespace, type)));

  function put(content: ResourceContent): void {
    const key = keyOf(content.namespace, content.type);
    const table = tables.get(key) ?? new Map<string, never>();
    tables.set(key, table);
    const old = table.get(content.id);
    const yaml = stringify(content.spec);
    if (old?.message.spec?.yaml_spec === yaml) return;
    const now = parts.now();
    const version = (old?.version ?? 0) + 1;
    const createdMs = old?.createdMs ?? now;
    const { namespace, type, id } = content;
    const resource = {
      namespace,
      type,
      id,
      labels: {},
      version,
      createdMs,
      message: {
        metadata: {
          namespace,
          type,
          id,
          version: String(version),
          owner: 'agent',
          phase: 'running',
          created: timestamp(createdMs),
          updated: timestamp(now),
        },
        spec: { yaml_spec: yaml, proto_spec: protoSpec(parts, content) },
      },
    };
    table.set(id, resource);
    changes.push(old ? { kind: 'UPDATED', resource, old } : { kind: 'CREATED', resource });
  }

  const resources: Resources = {
    changes,
    replace(types, contents) {
      for (const content of contents) put(content);
      const present = new Set(contents.map(({ namespace, type, id }) => `${keyOf(namespace, type)}/${id}`));
      for (const [key, table] of tables) {
        for (const [id, resource] of table) {
          if (!types.includes(resource.type) || present.has(`${key}/${id}`)) continue;
          table.delete(id);
          changes.push({ kind: 'DESTROYED', resource });
        }
      }
    },
    knows: (namespace, type) => known.has(keyOf(namespace, type)) || tables.has(keyOf(namespace, type)),
    get: (namespace, type, id) => tables.get(keyOf(namespace, type))?.get(id),
    list: (namespace, type) =>
      [...(tables.get(keyOf(namespace, type))?.values() ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
  resources.replace([], metaResources());
  return resources;
}

function protoSpec(
  { definition, plain = [] }: Omit<Parameters<typeof openResources>[0], 'now'>,
  { type, spec }: ResourceContent,
): Uint8Array {
  const name = specMessage(type);
  if (name !== undefined) return definition.message(name).serialize(wireSpec(spec));
  if (plain.some((one) => one.type === type)) return new Uint8Array();
  throw new Error(`no definition of the type ${type}`);
}

/** An event of a watch. */
export const resourceEvent = (change: Change): Sendable<ResourceEvent> => ({
  event_type: change.kind,
  resource: change.resource.message,
  ...(change.old ? { old: change.old.message } : {}),
});

const keyOf = (namespace: string, type: string): string => `${namespace}/${type}`;
