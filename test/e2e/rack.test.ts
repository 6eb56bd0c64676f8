import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lineUp } from '#machines/rack/line-up.ts';
import type { BootResult } from '#machines/rack/machine.ts';
import { documents, prepare } from '#machines/rack/prepare.ts';
import { runRack } from '#machines/rack/rack.ts';
import { type MachineSpec, RACK_TIMES } from '#machines/rack/spec.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';

const LIMIT_MS = 30_000;
const TIMES = { ...RACK_TIMES, selfTestMs: 50, kernelMs: 200 };

describe('the simulated rack', { concurrency: true }, () => {
  let daemon: Daemon;
  const stop = new AbortController();
  const places = lineUp(8);

  before(async () => {
    daemon = await startDaemon({
      config: {
        subnets: [{ cidr: '127.77.0.0/16', pools: ['127.77.1.0-127.77.2.255'], discovery: 'hold' }],
        loaders: { dir: './rack/loaders' },
      },
    });
    const rack = join(daemon.directory, 'rack');
    await prepare(rack, { kernel: 1 << 20, initrd: 4 << 20 });
    await daemon.apply(documents(rack, places));
  });
  after(async () => {
    stop.abort();
    await daemon[Symbol.asyncDispose]();
  });

  async function power(spec: MachineSpec, screen: string[] = []): Promise<BootResult | undefined> {
    const [result] = await runRack({
      machines: [spec],
      daemon: daemon.sockets,
      staggerMs: 0,
      times: TIMES,
      events: (event) => {
        if (event.kind === 'screen') screen.push(event.line);
      },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(LIMIT_MS)]),
    });
    return result;
  }

  const verdictOf = (mac: string) =>
    waitFor(
      'a verdict',
      async () => {
        const code = (await daemon.attempts({ mac }))[0]?.verdict.code;
        return code !== 'in-progress' && code;
      },
      LIMIT_MS,
    );

  for (const { spec } of places.filter((one) => one.standing === 'live' && one.spec.faults.length === 0)) {
    it(`${spec.firmware} boots to a running system`, async () => {
      const screen: string[] = [];
      const result = await power(spec, screen);
      assert.equal(result?.kind, 'running', screen.join('\n'));
      assert.match(result.kind === 'running' ? result.arguments : '', /console=ttyS0 quiet/);
      assert.equal(await verdictOf(spec.mac), 'booted');
    });
  }

  it('a machine in service is offered no boot file and starts its own disk', async () => {
    const { spec } = places.find((one) => one.standing === 'adopted') ?? assert.fail();
    await daemon.api('POST', `/api/v1/machines/${spec.name}/actions/adopt`, {});
    const screen: string[] = [];
    assert.deepEqual(await power(spec, screen), { kind: 'own-disk' });
    assert.match(screen.join('\n'), /boot file none/);
    assert.equal(await verdictOf(spec.mac), 'booted');
  });

  it('a machine that nobody knows waits, and goes on once it is accepted', async () => {
    const { spec } = places.find((one) => one.standing === 'unknown') ?? assert.fail();
    const screen: string[] = [];
    const booting = power(spec, screen);
    assert.equal(await verdictOf(spec.mac), 'not-accepted');
    const [attempt] = await daemon.attempts({ mac: spec.mac });
    assert.ok(attempt?.machine !== undefined);
    await daemon.api('POST', `/api/v1/machines/${attempt.machine}/actions/accept`, {});
    assert.equal((await booting)?.kind, 'running', screen.join('\n'));
  });
});
