import type { ClassDocument, NetworkDocument, ProfileDocument } from '#machines/contract/documents.ts';
import type { MachineConfig } from '#machines/contract/config.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { type NetworkIntent, networkDocument } from '#machines/contract/network.ts';
import { isObject, type Json, type JsonObject, type Layer, type Merged, mergeLayers, type Origin } from './layers.ts';

/** All that is configured for a machine, before it is rendered for a target. */
export type Configuration = {
  readonly data: JsonObject;
  readonly config: MachineConfig;
  /** With the path in the document: `network` or `network rack1`. */
  readonly network: { readonly intent: NetworkIntent; readonly from: string } | undefined;
  readonly origins: readonly Origin[];
};

/** The least specific first: class, profile, machine. */
export function configurationOf(known: {
  readonly machine: Machine;
  readonly ofClass: ClassDocument | undefined;
  readonly profile: ProfileDocument | undefined;
  readonly network: (name: string) => NetworkDocument | undefined;
}): Configuration {
  const { machine, ofClass, profile } = known;
  const { document } = machine;
  const layered = (part: 'data' | 'config'): Merged => {
    const said: readonly (readonly [
      string,
      { readonly data?: object | undefined; readonly config?: object | undefined } | undefined,
    ])[] = [
      [`class ${ofClass?.name}`, ofClass],
      [`profile ${profile?.name}`, profile],
      [`machine ${document.name}`, document],
    ];
    const layers = said.flatMap(([from, one]): readonly Layer[] => {
      const value = one?.[part];
      // Documents are JSON by their schema, where an absent key is undefined.
      return value === undefined ? [] : [{ from, value: value as JsonObject }];
    });
    return mergeLayers(layers);
  };
  const [data, config] = [layered('data'), layered('config')];
  const network = networkOf(machine, known.network);
  return {
    data: data.value,
    config: config.value,
    network,
    origins: [
      ...under('data', data.origins),
      ...under('config', config.origins),
      ...(network === undefined ? [] : networkOrigins(network.intent, network.from)),
    ],
  };
}

function networkOf(
  { document: { name, network } }: Machine,
  named: (name: string) => NetworkDocument | undefined,
): Configuration['network'] {
  if (network === undefined) return undefined;
  if (network.use === undefined) return { intent: network, from: `machine ${name}` };
  const shared = named(network.use);
  return shared && { intent: shared, from: `network ${network.use}` };
}

const under = (head: string, origins: readonly Origin[]): readonly Origin[] =>
  origins.map((one) => ({ ...one, path: `${head}.${one.path}` }));

function networkOrigins(intent: NetworkIntent, from: string): readonly Origin[] {
  const { interfaces, bonds, vlans, dns, search } = intent;
  // Through JSON, which leaves absent keys out.
  const value = JSON.parse(JSON.stringify({ interfaces, bonds, vlans, dns, search })) as JsonObject;
  const filled = Object.entries(value).filter(([, list]) => Array.isArray(list) && list.length > 0);
  return under('network', mergeLayers([{ from, value: Object.fromEntries(filled) }]).origins);
}

/** Where nothing is said: every card by DHCP, known by the addresses that the machine has. */
export function defaultIntent(machine: Machine): NetworkIntent | undefined {
  const [mac] = machine.document.macs.length > 0 ? machine.document.macs : machine.identifiers.macs;
  if (mac === undefined) return undefined;
  return networkDocument.parse({ kind: 'Network', name: 'default', interfaces: [{ mac, address: 'dhcp' }] });
}

const SECRET_KEY = /(passw|secret|token|private|passphrase|\bkey\b|credential|hash)/i;

/** For people who look on: what is called like a secret is one, in lists too. Public keys are none. */
export function masked(origins: readonly Origin[]): readonly Origin[] {
  return origins.map((one) => ({ ...one, value: SECRET_KEY.test(one.path) ? '***' : maskedInside(one.value) }));
}

function maskedInside(value: Json): Json {
  if (Array.isArray(value)) return value.map(maskedInside);
  // A line such as `d-i passwd/user-password-crypted password …`.
  if (typeof value === 'string') return value.includes(' ') && SECRET_KEY.test(value) ? '***' : value;
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SECRET_KEY.test(key) ? '***' : maskedInside(inner)]),
  );
}
