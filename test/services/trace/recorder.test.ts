import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attempt, TraceBody, TraceEvent } from '#machines/contract/trace.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import {
  ADDRESS,
  asked,
  atSecond,
  discover,
  dora,
  HEALTHY,
  http,
  imageSteps,
  INITRD,
  IPXE,
  KERNEL,
  later,
  linuxSteps,
  OTHER,
  proxyOffer,
  request,
  script,
  SCRIPT,
  SCRIPT_URL,
  scriptSteps,
  silent,
  type Step,
  UEFI,
  UEFI_LOADER,
  uefiLoaderSteps,
} from '#test/machines/decide/boots.ts';
import { openRecorder } from '#services/trace/recorder.ts';
import { machine, macNumber, world } from './world.ts';

const MAC = macNumber(1);
const log = (text: string): TraceBody => ({ kind: 'log', source: 'syslog', severity: 6, text });

describe('joining events into attempts', () => {
  it('follows one boot from its MAC over its address to the attempt’s URL', async () => {
    const { play, recorder } = await world();
    const [id] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    assert.match(id ?? '', /^[A-Za-z0-9_-]{22}$/);
    const byAddress = play({ address: ADDRESS }, uefiLoaderSteps(5));
    const byMac = play({ mac: MAC }, dora(10, IPXE, SCRIPT_URL));
    const byUrl = play({ attempt: id ?? '', address: ADDRESS }, scriptSteps(15));
    assert.deepEqual(new Set([...byAddress, ...byMac, ...byUrl]), new Set([id]));
    const attempt = recorder.live({ address: ADDRESS });
    assert.equal(attempt?.id, id);
    assert.equal(attempt?.stage, 'script');
    assert.equal(attempt?.address, ADDRESS);
    assert.equal(attempt?.events, 14);
    const events = await recorder.events(id ?? '');
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: 14 }, (_, index) => index + 1),
    );
  });

  for (const [name, steps] of Object.entries(HEALTHY)) {
    it(`is one attempt, booted at its end: ${name}`, async () => {
      const { play, recorder, registry } = await world();
      registry.put(machine('r1-u12', [MAC]));
      const ids = new Set(play({ mac: MAC }, steps));
      assert.equal(ids.size, 1);
      const [attempt] = await recorder.attempts({ machine: 'r1-u12', limit: 10 });
      assert.equal(attempt?.verdict.code, 'booted');
    });
  }

  it('records nothing of systems that nobody registered', async () => {
    const { play, recorder } = await world();
    assert.deepEqual(play({ mac: MAC }, linuxSteps(0)), [undefined, undefined, undefined, undefined]);
    assert.deepEqual(await recorder.attempts({ limit: 10 }), []);
    assert.equal(recorder.macOf(ADDRESS), MAC, 'but who has the address is known');
  });

  it('knows addresses that another server leased', async () => {
    const { play, recorder } = await world();
    const address = '192.168.77.9' as Ipv4;
    const [id] = play({ mac: MAC }, [
      [0, discover(UEFI)],
      [0, proxyOffer(UEFI, UEFI_LOADER)],
      [4, request(UEFI, { serverId: OTHER, requestedAddress: address })],
    ]);
    assert.deepEqual(play({ address }, [[5, asked(UEFI_LOADER)]]), [id]);
    assert.equal(recorder.macOf(address), MAC);
  });

  it('gives an address back to its holder when a claim to it is refused', async () => {
    const { play, recorder } = await world();
    play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    const nak: TraceBody = {
      kind: 'dhcp-answered',
      message: 'NAK',
      xid: 1,
      proxy: false,
      serverId: OTHER,
      to: '',
      because: '',
    };
    play({ mac: macNumber(2) }, [
      [5, request(IPXE)],
      [5, nak],
    ]);
    assert.equal(recorder.macOf(ADDRESS), MAC);
  });

  it('forgets who had an address, in time', async () => {
    const { play, recorder, at } = await world({ limits: { addressMs: 60_000 } });
    play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    at(63);
    assert.equal(recorder.macOf(ADDRESS), MAC);
    at(65);
    assert.equal(recorder.macOf(ADDRESS), undefined);
  });

  it('takes two cards of one machine for one power-on', async () => {
    const { play, registry } = await world();
    registry.put(machine('r1-u12', [MAC, macNumber(2)]));
    const [first] = play({ mac: MAC }, [[0, discover(UEFI)]]);
    const [second] = play({ mac: macNumber(2) }, [[60, discover(UEFI, { xid: 7 })]]);
    assert.equal(second, first);
  });

  it('goes on when the machine becomes known in the middle of its boot', async () => {
    const { play, registry, recorder } = await world();
    const [first] = play({ mac: MAC }, [[0, discover(UEFI)]]);
    registry.put(machine('r1-u12', [MAC]));
    const [second] = play({ mac: MAC }, [[4, discover(UEFI, { secs: 4 })]]);
    assert.equal(second, first);
    assert.equal(recorder.live({ mac: MAC })?.machine, 'r1-u12');
  });

  it('begins a new attempt, and ends the one before, when the firmware is back after the kernel', async () => {
    const { play, recorder } = await world();
    const boot = [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5), ...scriptSteps(10), ...imageSteps(11)];
    const [first] = play({ mac: MAC }, boot);
    const [second] = play({ mac: MAC }, [[330, discover(UEFI)]]);
    assert.notEqual(second, first);
    assert.equal((await recorder.attempt(first ?? ''))?.endedAt, atSecond(330));
    assert.equal(recorder.live({ mac: MAC })?.id, second);
    // What still belongs to the old one finds it.
    assert.deepEqual(play({ attempt: first ?? '' }, [[331, { kind: 'grant-spent', grant: 'g' }]]), [first]);
  });

  it('begins with a script that comes without DHCP', async () => {
    const { play, recorder } = await world();
    const [id] = play({ mac: MAC, address: ADDRESS }, [[0, script()]]);
    assert.ok(id);
    assert.equal(recorder.live({ address: ADDRESS })?.id, id);
  });

  it('goes on with an attempt that ended by silence, when its URL is asked for', async () => {
    const { play, recorder, at } = await world();
    const [id = ''] = play({ mac: MAC }, [...dora(0, IPXE, SCRIPT_URL), [5, script('menu')]]);
    at(3000);
    await recorder.tick();
    assert.equal(recorder.live({ mac: MAC }), undefined);
    assert.ok((await recorder.attempt(id))?.endedAt);
    play({ attempt: id }, [[3001, http('script', SCRIPT)]]);
    assert.equal(recorder.live({ mac: MAC })?.id, id);
    assert.equal(recorder.live({ mac: MAC })?.endedAt, undefined);
  });
});

describe('verdicts of attempts in progress', () => {
  it('change when a deadline passes without an event, and watchers are told', async () => {
    const { play, recorder, at } = await world();
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await recorder.tick();
    const told: [Attempt, TraceEvent | undefined][] = [];
    recorder.watch((attempt, event) => told.push([attempt, event]));
    at(23);
    await recorder.tick();
    assert.equal(told.length, 0);
    at(25);
    await recorder.tick();
    assert.deepEqual(
      told.map(([attempt, event]) => [attempt.id, attempt.verdict.code, event]),
      [[id, 'no-tftp', undefined]],
    );
    assert.equal((await recorder.attempts({ mac: MAC, limit: 1 }))[0]?.verdict.code, 'no-tftp');
  });

  it('take the times they are given', async () => {
    const { play, recorder, at } = await world({ times: { bootFileMs: 1000 } });
    play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    at(6);
    await recorder.tick();
    assert.equal(recorder.live({ mac: MAC })?.verdict.code, 'no-tftp');
  });

  it('change when somebody accepts the machine', async () => {
    const { play, recorder, registry } = await world();
    registry.put(machine('m-1', [MAC], 'seen'));
    play({ mac: MAC }, [
      [0, discover(UEFI)],
      [0, silent(UEFI, 'not-accepted')],
    ]);
    assert.equal(recorder.live({ mac: MAC })?.verdict.code, 'not-accepted');
    const told: string[] = [];
    recorder.watch(({ verdict }) => told.push(verdict.code));
    registry.put(machine('m-1', [MAC], 'accepted'));
    assert.deepEqual(told, ['in-progress']);
  });

  it('find a boot loop in the fourth boot, and forget it after a good one', async () => {
    const { play, recorder, registry } = await world();
    registry.put(machine('r1-u12', [MAC]));
    const quick: readonly Step[] = [
      ...dora(0, UEFI, UEFI_LOADER),
      ...uefiLoaderSteps(5),
      ...scriptSteps(10),
      [11, http('kernel', KERNEL)],
      [12, http('initrd', INITRD)],
    ];
    const codes = [0, 60, 120, 180].map((second) => {
      const [first, ...rest] = later(second, quick);
      assert.ok(first);
      play({ mac: MAC }, [first]);
      const code = recorder.live({ mac: MAC })?.verdict.code;
      play({ mac: MAC }, rest);
      return code;
    });
    assert.deepEqual(codes, ['in-progress', 'in-progress', 'in-progress', 'boot-loop']);
    assert.equal((await recorder.attempts({ machine: 'r1-u12', limit: 9 })).length, 4);
    play({ mac: MAC }, linuxSteps(210));
    assert.equal(recorder.live({ mac: MAC })?.verdict.code, 'booted');
    play({ mac: MAC }, later(240, quick));
    assert.equal(recorder.live({ mac: MAC })?.verdict.code, 'in-progress');
  });

  it('a watcher that throws hurts nobody', async () => {
    const { play, recorder, errors } = await world();
    recorder.watch(() => {
      throw new Error('mine');
    });
    assert.ok(play({ mac: MAC }, [[0, discover(UEFI)]])[0]);
    assert.equal(errors.length, 1);
  });

  it('a watcher is called no more once it has ended', async () => {
    const { play, recorder } = await world();
    let calls = 0;
    const stop = recorder.watch(() => calls++);
    play({ mac: MAC }, [[0, discover(UEFI)]]);
    stop();
    play({ mac: MAC }, [[1, discover(UEFI)]]);
    assert.equal(calls, 1);
  });
});

describe('what is written', () => {
  it('goes to the store in batches, attempts with their events', async () => {
    const { play, recorder, store } = await world();
    play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    play({ mac: macNumber(2) }, dora(0, UEFI, UEFI_LOADER));
    assert.equal(store.batches.length, 0);
    await recorder.tick();
    assert.equal(store.batches.length, 1);
    assert.equal(store.batches[0]?.attempts.length, 2);
    assert.equal(store.batches[0]?.events.length, 8);
    await recorder.tick();
    assert.equal(store.batches.length, 1, 'nothing changed, nothing is written');
  });

  it('is complete once the recorder has stopped', async () => {
    const { play, recorder, store } = await world();
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    stop.abort();
    await running;
    assert.equal((await store.events(id, 0, 100)).length, 4);
  });

  it('is complete with what came after the end of the task, once the recorder is disposed of', async () => {
    const { play, recorder, store } = await world();
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await recorder.run(AbortSignal.abort());
    assert.equal((await store.events(id, 0, 100)).length, 4);
    play({ address: ADDRESS }, uefiLoaderSteps(5));
    await recorder[Symbol.asyncDispose]();
    assert.equal((await store.events(id, 0, 100)).length, 8);
    assert.equal((await store.attempt(id))?.stage, 'loader');
  });

  it('is seen before it is in the store, and once', async () => {
    const { play, recorder } = await world();
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await recorder.tick();
    play({ address: ADDRESS }, uefiLoaderSteps(5));
    assert.deepEqual(
      (await recorder.events(id)).map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.deepEqual(
      (await recorder.events(id, 6)).map(({ seq }) => seq),
      [7, 8],
    );
    assert.equal((await recorder.attempts({ limit: 5 })).length, 1);
  });

  it('waits while the store is broken, and is not lost', async () => {
    const { play, recorder, store, errors } = await world();
    store.broken = true;
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await recorder.tick();
    await recorder.tick();
    assert.equal(errors.length, 1, 'told once');
    assert.equal((await recorder.events(id)).length, 4);
    store.broken = false;
    await recorder.tick();
    assert.equal((await store.events(id, 0, 100)).length, 4);
  });

  it('is bounded while the store is broken, and what was dropped is counted in the trace', async () => {
    const { play, recorder, store, at } = await world({ limits: { queue: 5 } });
    store.broken = true;
    const [id = ''] = play({ mac: MAC }, [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5)]);
    store.broken = false;
    await recorder.tick();
    at(3000);
    await recorder.tick();
    const events = await recorder.events(id);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual(events.at(-1), {
      seq: 6,
      at: atSecond(3000),
      kind: 'dropped',
      count: 3,
      because: 'the store is behind',
    });
  });

  it('is bounded for each attempt; what changes the verdict is kept', async () => {
    const { play, recorder, at } = await world({ limits: { events: 20 } });
    const boot = [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5), ...dora(10, IPXE, SCRIPT_URL)];
    const [id = ''] = play({ mac: MAC }, boot);
    for (let count = 0; count < 500; count++) play({ mac: MAC }, [[15, script('hold')]]);
    play({ mac: MAC }, scriptSteps(20));
    at(10_000);
    await recorder.tick();
    const events = await recorder.events(id);
    assert.ok(events.length <= 24, `${events.length} events`);
    assert.ok(events.some((event) => event.kind === 'script-rendered' && event.situation === 'kernel'));
    const dropped = events.flatMap((event) => (event.kind === 'dropped' ? [event.count] : []));
    const counted = dropped.reduce((sum, count) => sum + count, 0);
    assert.equal(events.length - dropped.length + counted, 12 + 500 + 2);
  });

  it('gives attempts in pages, of one millisecond too, from memory and store together', async () => {
    const { play, recorder } = await world();
    const macs = Array.from({ length: 7 }, (_, index) => macNumber(index + 1));
    const ids = macs.map((mac) => play({ mac }, dora(0, UEFI, UEFI_LOADER).slice(0, 1))[0]);
    await recorder.tick();
    const seen: string[] = [];
    for (let last: Attempt | undefined; seen.length < 20; ) {
      const query: Parameters<typeof recorder.attempts>[0] = {
        limit: 2,
        ...(last ? { before: last.startedAt, beforeId: last.id } : {}),
      };
      const page = await recorder.attempts(query);
      last = page.at(-1);
      if (!last) break;
      seen.push(...page.map(({ id }) => id));
    }
    assert.deepEqual([seen.length, new Set<string | undefined>(seen)], [ids.length, new Set(ids)]);
  });

  it('leaves room for more than a kernel’s log', async () => {
    const { play, recorder } = await world({ limits: { logs: 10 } });
    const [id = ''] = play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    for (let count = 0; count < 100; count++) play({ mac: MAC }, [[5, log(`line ${count}`)]]);
    play({ mac: MAC }, uefiLoaderSteps(6));
    const kinds = (await recorder.events(id)).map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === 'log').length, 10);
    assert.equal(kinds.at(-1), 'tftp-sent');
  });

  it('includes the first datagrams of each attempt, before and after they are in the store', async () => {
    const { play, recorder, store, restart } = await world({ limits: { packets: 3, packetBytes: 100 } });
    const [id = ''] = play({ mac: MAC }, [[0, discover(UEFI)]]);
    const source = { address: ADDRESS, port: 68 };
    const destination = { address: OTHER, port: 67 };
    const keep = (byte: number, length = 10) => {
      const payload = new Uint8Array(length).fill(byte);
      recorder.packet({ attempt: id }, { source, destination, payload });
      payload.fill(255);
    };
    keep(1);
    await recorder.tick();
    keep(2);
    keep(9, 101);
    const kept = async () => (await recorder.packets(id)).map(({ payload }) => payload[0]);
    assert.deepEqual(await kept(), [1, 2]);
    keep(3);
    keep(4);
    await recorder.tick();
    assert.deepEqual(await kept(), [1, 2, 3]);
    assert.deepEqual(
      (await store.packets(id)).map(({ number }) => number),
      [1, 2, 3],
    );
    const after = await restart();
    after.recorder.packet({ mac: MAC }, { source, destination, payload: new Uint8Array(1) });
    assert.equal((await after.recorder.packets(id)).length, 3);
    recorder.packet({ mac: macNumber(77) }, { source, destination, payload: new Uint8Array(1) });
  });

  it('comes in batches that each have the attempts their events need', async () => {
    const { recorder, store } = await world();
    for (let number = 1; number <= 1300; number++) recorder.record({ mac: macNumber(number) }, discover(UEFI));
    await recorder.tick();
    assert.ok(store.batches.length >= 3);
    assert.ok(store.batches.every(({ events, attempts }) => events.length <= 500 && attempts.length <= 500));
    assert.equal((await store.attempts({ limit: 2000 })).length, 1300);
  });

  it('has no text longer than 255 characters', async () => {
    const { play, recorder } = await world();
    const [id = ''] = play({ mac: MAC }, [[0, discover({ ...UEFI, vendorClass: 'x'.repeat(9000) })]]);
    play({ mac: MAC }, [[1, log('y'.repeat(9000))]]);
    assert.ok(JSON.stringify(await recorder.events(id)).length < 1200);
  });

  it('is removed when it is old', async () => {
    const { play, recorder, store } = await world({ limits: { keepAttempts: 1, flushMs: 1 } });
    play({ mac: MAC }, [[0, discover(UEFI)]]);
    play({ mac: macNumber(2) }, [[1, discover(UEFI)]]);
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    const { promise: pruned, resolve } = Promise.withResolvers<void>();
    const prune = store.prune.bind(store);
    store.prune = async (keep) => {
      const gone = await prune(keep);
      resolve();
      return gone;
    };
    await pruned;
    stop.abort();
    await running;
    assert.equal((await store.attempts({ limit: 10 })).length, 1);
  });
});

describe('bounds', () => {
  it('strangers have a bounded number of attempts; the longest silent one ends', async () => {
    const { play, recorder } = await world({ limits: { strangers: 10 } });
    for (let number = 1; number <= 50; number++) play({ mac: macNumber(number) }, [[number, discover(UEFI)]]);
    const live = (await recorder.attempts({ limit: 100 })).filter(({ endedAt }) => endedAt === undefined);
    assert.deepEqual(
      new Set(live.map(({ mac }) => mac)),
      new Set(Array.from({ length: 10 }, (_, index) => macNumber(index + 41))),
    );
  });

  it('a flood of strangers is cut off, a registered machine is not', async () => {
    const { play, registry } = await world({ limits: { strangerBurst: 100, strangersPerSecond: 10 } });
    const ids = Array.from(
      { length: 500 },
      (_, number) => play({ mac: macNumber(number + 10) }, [[0, discover(UEFI)]])[0],
    );
    assert.equal(ids.filter((id) => id !== undefined).length, 100);
    registry.put(machine('r1-u12', [MAC]));
    assert.ok(play({ mac: MAC }, [[0, discover(UEFI)]])[0]);
    assert.ok(play({ mac: macNumber(9999) }, [[1, discover(UEFI)]])[0], 'a second later there is room again');
  });

  it('ended attempts are forgotten by and by, and found in the store', async () => {
    const { play, recorder } = await world({ limits: { ended: 5, strangers: 1 } });
    const ids = Array.from(
      { length: 20 },
      (_, number) => play({ mac: macNumber(number + 1) }, [[number, discover(UEFI)]])[0],
    );
    await recorder.tick();
    assert.equal((await recorder.attempt(ids[0] ?? ''))?.id, ids[0]);
    assert.equal((await recorder.attempts({ limit: 50 })).length, 20);
  });

  it('nothing that is recorded makes it throw', async () => {
    const { recorder, errors } = await world();
    assert.equal(recorder.record({ mac: MAC }, { kind: 'dhcp-received' } as unknown as TraceBody), undefined);
    assert.equal(errors.length, 1);
    assert.equal(recorder.record({ attempt: 'no such' }, log('x')), undefined);
    assert.equal(recorder.record({}, log('x')), undefined);
  });
});

describe('after a restart', () => {
  it('an attempt in progress goes on', async () => {
    const before = await world();
    const [id = ''] = before.play({ mac: MAC }, [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5)]);
    await before.recorder.tick();
    const after = await before.restart();
    assert.equal(after.recorder.live({ mac: MAC })?.id, id);
    assert.deepEqual(after.play({ address: ADDRESS }, [[8, asked('autoexec.ipxe')]]), [id]);
    assert.deepEqual(new Set(after.play({ mac: MAC }, dora(10, IPXE, SCRIPT_URL))), new Set([id]));
    await after.recorder.tick();
    assert.deepEqual(
      (await after.recorder.events(id)).map(({ seq }) => seq),
      Array.from({ length: 13 }, (_, index) => index + 1),
    );
  });

  it('the silence before it counts', async () => {
    const before = await world();
    before.play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await before.recorder.tick();
    before.at(60);
    const after = await before.restart();
    assert.equal(after.recorder.live({ mac: MAC })?.verdict.code, 'no-tftp');
  });

  it('an attempt of yesterday has ended', async () => {
    const before = await world();
    const [id = ''] = before.play({ mac: MAC }, dora(0, UEFI, UEFI_LOADER));
    await before.recorder.tick();
    before.at(86_400);
    const after = await before.restart();
    assert.equal(after.recorder.live({ mac: MAC }), undefined);
    await after.recorder.tick();
    assert.ok((await after.store.attempt(id))?.endedAt);
  });

  it('an ended one still takes what its URL brings', async () => {
    const before = await world();
    const [id = ''] = before.play({ mac: MAC }, [...dora(0, IPXE, SCRIPT_URL), [5, script('menu')]]);
    before.at(2000);
    await before.recorder.tick();
    const after = await before.restart();
    assert.equal((await after.recorder.attempt(id))?.id, id);
    assert.deepEqual(after.play({ attempt: id }, [[2001, http('script', SCRIPT)]]), [id]);
    assert.equal((await after.recorder.events(id)).at(-1)?.seq, 6);
  });

  it('leases that were stored tell who has an address', async () => {
    const { registry, store } = await world();
    const lease = {
      site: 'default',
      subnet: '192.168.77.0/24',
      key: MAC,
      boundAt: atSecond(0),
      expiresAt: atSecond(60),
    };
    const recorder = await openRecorder({
      store,
      registry,
      leases: {
        all: async () => [
          { ...lease, address: ADDRESS, mac: MAC, state: 'bound' },
          { ...lease, address: OTHER, mac: MAC, state: 'released' },
        ],
      },
      clock: { now: () => atSecond(10) },
      random: (size) => new Uint8Array(size),
      log: { error() {}, warn() {}, info() {} },
    });
    assert.equal(recorder.macOf(ADDRESS), MAC);
    assert.equal(recorder.macOf(OTHER), undefined);
  });
});
