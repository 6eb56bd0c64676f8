import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { machineBmc, type PowerOperation, powerOperation, powerReading } from '#machines/contract/api/bmc-resource.ts';
import { BMC_USER, bmcSecrets } from '#machines/rack/bmc-secrets.ts';
import { bmcTls, type BmcPorts } from '#machines/rack/bmc/start-bmc.ts';
import { lineUp } from '#machines/rack/line-up.ts';
import { BMC_CREDENTIAL, documents, prepare } from '#machines/rack/prepare.ts';
import { runRackWithBmcs } from '#machines/rack/rack.ts';
import { RACK_TIMES } from '#machines/rack/spec.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';

const LIMIT_MS = 60_000;
const TIMES = { ...RACK_TIMES, selfTestMs: 50, kernelMs: 200 };

/** One that nobody has now on loopback, for all BMCs alike. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.78.1.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : assert.fail();
}

/** The daemon knows the machines by documents alone; their BMCs turn them on, and they boot from it. */
describe('power by simulated BMCs', { concurrency: true }, () => {
  let daemon: Daemon;
  let racking: Promise<void>;
  const stop = new AbortController();
  const places = lineUp(8).filter(({ standing, spec }) => standing === 'live' && spec.faults.length === 0);

  before(async () => {
    daemon = await startDaemon({
      config: {
        subnets: [{ cidr: '127.77.0.0/16', pools: ['127.77.1.0-127.77.2.255'], discovery: 'hold' }],
        loaders: { dir: './rack/loaders' },
      },
    });
    const directory = join(daemon.directory, 'rack');
    await prepare(directory, { kernel: 1 << 20, initrd: 4 << 20 });
    const { password, certificate } = await bmcSecrets(directory);
    const ports: BmcPorts = { redfish: await freePort(), ipmi: await freePort() };
    const at = new Map(places.map(({ spec, bmc }) => [spec.name, { ...bmc, faults: [] }]));
    const listening = Promise.withResolvers<void>();
    racking = runRackWithBmcs({
      machines: places.map(({ spec }) => spec),
      daemon: daemon.sockets,
      staggerMs: 0,
      times: TIMES,
      events: () => {},
      signal: stop.signal,
      powersOn: false,
      bmcs: {
        of: ({ name }) => at.get(name),
        ports,
        username: BMC_USER,
        password,
        tls: await bmcTls(certificate),
        onListening: listening.resolve,
      },
    });
    await Promise.race([listening.promise, racking]);
    await daemon.api('PUT', `/api/v1/bmc-credentials/${BMC_CREDENTIAL}`, { username: BMC_USER, password });
    await daemon.apply(documents(directory, places, ports));
  });
  after(async () => {
    stop.abort();
    await racking;
    await daemon[Symbol.asyncDispose]();
  });

  async function power(machine: string, order: object): Promise<PowerOperation> {
    const path = `/api/v1/machines/${machine}/power`;
    let operation = powerOperation.parse(await daemon.api('POST', path, order));
    while (operation.state === 'running') {
      const next = `/api/v1/power-operations/${operation.id}?seen=${operation.seq}`;
      operation = powerOperation.parse(await daemon.api('GET', next));
    }
    return operation;
  }

  for (const { spec, bmc } of places) {
    it(`${bmc.type} of ${bmc.profile}: on, netbooted, known from its BMC, and shut down`, async () => {
      const { name } = spec;
      const on = await power(name, { action: 'on', boot: { device: 'network' } });
      assert.deepEqual([on.state, on.power], ['done', 'on'], JSON.stringify(on));
      const verdict = await waitFor(
        'a verdict',
        async () => {
          const code = (await daemon.attempts({ machine: name }))[0]?.verdict.code;
          return code !== 'in-progress' && code;
        },
        LIMIT_MS,
      );
      assert.equal(verdict, 'booted');
      const shown = machineBmc.parse(await daemon.api('GET', `/api/v1/machines/${name}/bmc`));
      assert.match(shown.bmc.proven?.by ?? '', /^(UUID|serial) /);
      assert.equal(shown.means?.on, 'bmc');
      const found = await daemon.api<{ system: { serial?: string; sku?: string } }>(
        'POST',
        `/api/v1/machines/${name}/bmc/inventory`,
      );
      assert.ok([found.system.serial, found.system.sku].includes(spec.serial), JSON.stringify(found.system));
      const off = await power(name, { action: 'off' });
      assert.deepEqual([off.state, off.power, off.text], ['done', 'off', 'shut down by itself'], JSON.stringify(off));
      assert.equal(powerReading.parse(await daemon.api('GET', `/api/v1/machines/${name}/power`)).power, 'off');
    });
  }
});
