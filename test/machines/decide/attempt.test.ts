import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TraceBody } from '#machines/contract/trace.ts';
import { type Belonging, belongs, endsAt, IDLE_MS, isFruitless } from '#machines/decide/attempt.ts';
import { evidenceOf } from '#machines/decide/verdict/evidence.ts';
import {
  asked,
  atSecond,
  BIOS,
  discover,
  dora,
  eventsOf,
  HEALTHY,
  HTTP,
  http,
  imageSteps,
  IPXE,
  KERNEL,
  LINUX,
  linuxSteps,
  offer,
  request,
  script,
  SCRIPT_URL,
  scriptSteps,
  sent,
  silent,
  type Step,
  UEFI,
  UEFI_LOADER,
  uefiLoaderSteps,
} from './boots.ts';

const loaded: readonly Step[] = [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5)];
const scripted: readonly Step[] = [...loaded, ...dora(10, IPXE, SCRIPT_URL), ...scriptSteps(15)];
const imageSent: readonly Step[] = [...scripted, ...imageSteps(16)];
const rom: readonly Step[] = [...dora(0, IPXE, SCRIPT_URL), ...scriptSteps(5)];

const TABLE: readonly {
  readonly name: string;
  readonly before: readonly Step[];
  readonly at: number;
  readonly body: TraceBody;
  readonly want: Belonging;
  readonly registered?: boolean;
}[] = [
  { name: 'the first DISCOVER of a netboot client begins', before: [], at: 0, body: discover(UEFI), want: 'begins' },
  {
    name: 'a REQUEST on 4011 begins where the address came from elsewhere',
    before: [],
    at: 0,
    body: request(UEFI, { port: 4011 }),
    want: 'begins',
  },
  { name: 'DHCP of a stranger’s system is nobody’s boot', before: [], at: 0, body: discover(LINUX), want: 'nowhere' },
  {
    name: 'DHCP of a registered machine’s system is a start without netboot',
    before: [],
    at: 0,
    body: discover(LINUX),
    want: 'begins',
    registered: true,
  },
  {
    name: 'a renewal of a registered machine begins nothing',
    before: [],
    at: 0,
    body: request(LINUX),
    want: 'nowhere',
    registered: true,
  },
  {
    name: 'a log line begins nothing',
    before: [],
    at: 0,
    body: { kind: 'log', source: 'syslog', severity: 6, text: '' },
    want: 'nowhere',
    registered: true,
  },
  { name: 'a TFTP request of a stranger begins nothing', before: [], at: 0, body: asked('x'), want: 'nowhere' },
  {
    name: 'a machine with a fixed address begins with TFTP',
    before: [],
    at: 0,
    body: asked('x'),
    want: 'begins',
    registered: true,
  },
  { name: 'a script asked for from virtual media begins', before: [], at: 0, body: script(), want: 'begins' },
  ...[4, 12, 28].map((second) => ({
    name: `OVMF repeats its DISCOVER after ${second} seconds`,
    before: [
      [0, discover(UEFI)],
      [0, offer(UEFI, UEFI_LOADER)],
    ] as const,
    at: second,
    body: discover(UEFI, { secs: second }),
    want: 'continues' as const,
  })),
  {
    name: 'OVMF tries HTTP two minutes after PXE',
    before: [
      [0, discover(UEFI)],
      [0, silent(UEFI, 'no-boot-file')],
    ],
    at: 120,
    body: discover(HTTP),
    want: 'continues',
  },
  {
    name: 'the same firmware asks again a minute later, with another xid: its boot order begins anew',
    before: [[0, discover(UEFI)]],
    at: 90,
    body: discover(UEFI, { xid: 5 }),
    want: 'continues',
  },
  {
    name: 'it asks again after ten minutes of silence',
    before: [[0, discover(UEFI)]],
    at: 600,
    body: discover(UEFI),
    want: 'begins',
  },
  { name: 'iPXE asks for its own address', before: loaded, at: 10, body: discover(IPXE), want: 'continues' },
  {
    name: 'the firmware is back seconds after its loader: it was refused',
    before: loaded,
    at: 10,
    body: discover(UEFI, { xid: 6 }),
    want: 'continues',
  },
  {
    name: 'the firmware is back two minutes after its loader: somebody has started it again',
    before: loaded,
    at: 130,
    body: discover(UEFI, { xid: 6 }),
    want: 'begins',
  },
  { name: 'firmware after the script begins', before: scripted, at: 25, body: discover(UEFI), want: 'begins' },
  { name: 'firmware after the kernel begins', before: imageSent, at: 320, body: discover(UEFI), want: 'begins' },
  { name: 'iPXE that a script sends to DHCP again', before: scripted, at: 30, body: discover(IPXE), want: 'continues' },
  {
    name: 'a ROM of iPXE after the kernel begins',
    before: [...rom, ...imageSteps(6)],
    at: 310,
    body: discover(IPXE),
    want: 'begins',
  },
  {
    name: 'a ROM of iPXE that was sent to its own disk begins',
    before: [...dora(0, IPXE, SCRIPT_URL), [5, script('disk')]],
    at: 30,
    body: discover(IPXE),
    want: 'begins',
  },
  {
    name: 'a ROM of iPXE that waits renews its lease',
    before: [...dora(0, IPXE, SCRIPT_URL), [5, script('hold')], [595, script('hold')]],
    at: 600,
    body: discover(IPXE),
    want: 'continues',
  },
  {
    name: 'the system’s DHCP belongs to its boot',
    before: imageSent,
    at: 400,
    body: discover(LINUX),
    want: 'continues',
  },
  {
    name: 'firmware after the system ran begins',
    before: [...imageSent, ...linuxSteps(330)],
    at: 360,
    body: discover(UEFI),
    want: 'begins',
  },
  {
    name: 'a second script belongs to the same boot',
    before: scripted,
    at: 30,
    body: script(),
    want: 'continues',
  },
  {
    name: 'a BIOS whose xid comes from its MAC begins anew after its kernel',
    before: [
      ...dora(0, BIOS, 'ipxe/undionly.kpxe'),
      [5, sent('ipxe/undionly.kpxe')],
      ...scriptSteps(8),
      [9, http('kernel', KERNEL)],
    ],
    at: 20,
    body: discover(BIOS),
    want: 'begins',
  },
];

describe('whether an event belongs to the attempt in progress', () => {
  for (const { name, before, at, body, want, registered = false } of TABLE) {
    it(name, () => {
      const current = before.length === 0 ? undefined : evidenceOf(eventsOf(before));
      assert.equal(belongs(body, atSecond(at), current, { registered }), want);
    });
  }

  for (const [name, steps] of Object.entries(HEALTHY)) {
    it(`all of it is one attempt: ${name}`, () => {
      const events = eventsOf(steps);
      for (let count = 1; count < events.length; count++) {
        const event = events[count];
        assert.ok(event);
        const { seq: _seq, at, ...body } = event;
        const belonging = belongs(body, at, evidenceOf(events.slice(0, count)), { registered: true });
        assert.equal(belonging, 'continues', `event ${count + 1} of ${name}`);
      }
    });
  }

  it('a machine that finds nothing for half an hour begins anew, not one event more often', () => {
    const steps: Step[] = [];
    for (let second = 0; second <= 3600; second += 60) steps.push([second, discover(UEFI, { xid: second })]);
    const events = eventsOf(steps);
    let from = 0;
    let begun = 0;
    for (let index = 1; index < events.length; index++) {
      const { seq: _seq, at, ...body } = events[index] as (typeof events)[number];
      if (belongs(body, at, evidenceOf(events.slice(from, index)), { registered: true }) !== 'begins') continue;
      from = index;
      begun++;
    }
    assert.equal(begun, 1);
  });
});

describe('the end of an attempt', () => {
  it('comes with silence, later than a machine needs to try again', () => {
    const evidence = evidenceOf(eventsOf(loaded));
    assert.ok(endsAt(evidence) > atSecond(6) + IDLE_MS);
  });
  it('comes for a machine that runs, however much it writes to its log', () => {
    const up = [...imageSent, ...linuxSteps(330)];
    const logs = Array.from(
      { length: 100 },
      (_, index): Step => [340 + 60 * index, { kind: 'log', source: 'syslog', severity: 6, text: 'x' }],
    );
    assert.equal(endsAt(evidenceOf(eventsOf([...up, ...logs]))), atSecond(330) + 30 * 60_000);
  });
  it('is fruitless if the kernel was the last that was seen', () => {
    assert.equal(isFruitless(evidenceOf(eventsOf(imageSent))), true);
    assert.equal(isFruitless(evidenceOf(eventsOf(scripted))), false);
    assert.equal(isFruitless(evidenceOf(eventsOf([...imageSent, ...linuxSteps(330)]))), false);
  });
});
