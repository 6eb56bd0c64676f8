import assert from 'node:assert/strict';
import fc from 'fast-check';
import { inventory } from '#machines/contract/inventory.ts';
import { BmcError, type BmcDriver } from '#services/bmc/contract.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { openService, type RedfishService } from '#services/bmc/redfish/service.ts';
import { fromTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const limits = { ...TEST_LIMITS, requests: 100, readBackMs: 0, taskMs: 50, taskAppearsMs: 20 };

/** All that the BMC of the rack says, by path. */
async function everything(service: RedfishService, signal: AbortSignal): Promise<Record<string, unknown>> {
  const tree: Record<string, unknown> = {};
  const left = ['/redfish/v1/'];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (tree[path] !== undefined || Object.keys(tree).length > 100) continue;
    const got = await service.get(path, signal).catch(() => undefined);
    if (!got) continue;
    const { body } = got;
    tree[path] = body;
    const text = JSON.stringify(body);
    left.push(...[...text.matchAll(/"@odata\.id":"(?<path>[^"#]+)"/g)].map((match) => match.groups?.['path'] ?? ''));
  }
  return tree;
}

type Change = { readonly at: number; readonly to: unknown };

/** The same, with some of its values replaced. */
function changed(tree: Readonly<Record<string, unknown>>, changes: readonly Change[]): Record<string, unknown> {
  const copy = structuredClone(tree);
  const slots: { holder: Record<string, unknown>; name: string }[] = [];
  const walk = (holder: Record<string, unknown>): void => {
    for (const [name, value] of Object.entries(holder)) {
      slots.push({ holder, name });
      if (typeof value === 'object' && value !== null) walk(value as Record<string, unknown>);
    }
  };
  walk(copy);
  for (const { at, to } of changes) {
    const slot = slots[at % slots.length];
    if (slot) slot.holder[slot.name] = to;
  }
  return copy;
}

const verbs: readonly ((driver: BmcDriver) => Promise<unknown>)[] = [
  (driver) => driver.status(soon()),
  (driver) => driver.identity(soon()),
  async (driver) => inventory.parse(await driver.inventory(soon())),
  (driver) => driver.events(soon()),
  (driver) => driver.bootOnce({ device: 'network', mode: 'uefi' }, soon()),
  (driver) => driver.power('on', soon()),
  (driver) => driver.identify(1, soon()),
];

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(null, '', [], {}, -1, 1e308, true, '/redfish/v1/', '//127.0.0.9/', '\u0000', [null], [[]]),
  fc.record({ '@odata.id': fc.constantFrom('/redfish/v1/Systems', '/', '#', 'x', 'https://127.0.0.9/', '/%00') }),
);

/** Whatever stands in a BMC's answers, each verb ends with a value of the contract or with a `BmcError`. */
export async function fuzzAnswers(runs: number): Promise<void> {
  await using rig = await simulatedBmc();
  await using service = await openService(rig.target, { limits, signal: soon() });
  const tree = await everything(service, soon());
  assert.ok(Object.keys(tree).length > 30);
  let now = tree;
  await using bmc = await scripted((request) => {
    if (request.method === 'PATCH') return { status: 204 };
    if (request.method === 'POST' && request.path.includes('/Actions/')) return { status: 202, body: {} };
    return fromTree(now)(request);
  });
  let worked = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: fc.nat(), to: odd }), { minLength: 1, maxLength: 6 }),
      async (changes) => {
        now = changed(tree, changes);
        try {
          await using driver = await openRedfish(bmc.target, undefined, { limits });
          for (const verb of verbs) {
            await verb(driver).then(
              () => worked++,
              (error: unknown) => assert.ok(error instanceof BmcError, String(error)),
            );
          }
        } catch (error) {
          assert.ok(error instanceof BmcError, error instanceof Error ? error.stack : String(error));
        }
      },
    ),
    { numRuns: runs },
  );
  assert.ok(worked > runs, `only ${worked} verbs gave a value`);
}
