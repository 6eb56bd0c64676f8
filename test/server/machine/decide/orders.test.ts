import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profileDocument } from '#machines/contract/documents.ts';
import { agentOrders, type AgentOrders } from '#machines/contract/agent.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { ordersFor } from '#server/machine/decide/orders.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const machine = (more: Partial<Machine> = {}): Machine => sampleMachine({ name: 'r1-u12' }, more);
const OWN_DISK: BootPlan = { kind: 'own-disk', code: 'no-grant', because: '' };
const netboot = (os: 'agent' | 'kernel'): BootPlan => ({
  kind: 'netboot',
  profile: profileDocument.parse({ kind: 'Profile', name: `some-${os}`, os }),
  image: undefined,
  grant: undefined,
  because: '',
});
const job: Job = {
  id: 'j1',
  kind: 'wipe',
  machine: 'r1-u12',
  by: 'operator',
  createdAt: 1,
  rev: 1,
  state: 'running',
  steps: [],
  notes: {},
  cancelling: false,
};

const TABLE: readonly {
  readonly name: string;
  readonly given?: Partial<Parameters<typeof ordersFor>[0]>;
  readonly order: AgentOrders['order'];
  readonly notice: RegExp;
}[] = [
  {
    name: 'a stranger waits, and its screen says for what',
    given: { machine: machine({ acceptance: 'seen' }), next: netboot('agent') },
    order: 'wait',
    notice: /^waiting to be accepted: ingot machine accept r1-u12$/,
  },
  { name: 'an accepted machine of which nothing is asked waits', order: 'wait', notice: /r1-u12 is ready/ },
  {
    name: 'a machine that was granted something else makes way for it',
    given: { next: netboot('kernel') },
    order: 'reboot',
    notice: /restarts to boot profile some-kernel/,
  },
  {
    name: 'but not before it was looked at',
    given: { next: netboot('kernel'), hasInventory: false },
    order: 'wait',
    notice: /is ready/,
  },
  {
    name: 'and never while a job is at work on it',
    given: { next: netboot('kernel'), jobs: [job] },
    order: 'wait',
    notice: /job wipe: ingot job show j1/,
  },
  {
    name: 'to boot the agent again is no reason to restart',
    given: { next: netboot('agent') },
    order: 'wait',
    notice: /./,
  },
  {
    name: 'a rejected machine is left alone',
    given: { machine: machine({ acceptance: 'rejected' }), next: netboot('kernel') },
    order: 'wait',
    notice: /was rejected/,
  },
  {
    name: 'a machine that is in doubt is not restarted, and its screen says why',
    given: {
      machine: machine({
        facts: { 'inventory.conflict': { value: 'its UUID\u0007 is b’s too', at: 1, source: 'agent' } },
      }),
      next: netboot('kernel'),
    },
    order: 'wait',
    notice: /look at r1-u12: its UUID {1,2}is b/,
  },
  {
    name: 'an inventory that never came is asked for',
    given: { hasInventory: false, ageMs: 10 * 60_000 },
    order: 'inventory',
    notice: /./,
  },
];

describe('what an agent is told', () => {
  for (const { name, given, order, notice } of TABLE) {
    it(name, () => {
      const orders = ordersFor({
        machine: machine(),
        next: OWN_DISK,
        jobs: [],
        hasInventory: true,
        ageMs: 0,
        ...given,
      });
      assert.equal(orders.order, order);
      assert.match(orders.notice, notice);
      agentOrders.parse(orders);
    });
  }
});
