import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DaemonError } from '#machines/agent/daemon.ts';
import { openDaemon } from '#machines/agent/daemon.ts';
import { kernelArguments } from '#machines/agent/decide/command-line.ts';
import { makeMachineKey } from '#machines/agent/machine-key.ts';
import { type AgentRegistration, BOOT_TOKEN_FILE } from '#machines/contract/agent.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { inventory } from '#machines/contract/inventory.ts';
import { decodeNewc } from '#services/images/wire/newc.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';

/** Another server leases the addresses. */
const CONFIG = { subnets: [{ cidr: '127.77.0.0/16', mode: 'proxy', discovery: 'agent' }] };
const NEVER = new AbortController().signal;
const KERNEL = Buffer.from('a kernel, as far as anybody here looks');
const INITRD = Buffer.from('and its initrd');

/** What deploy/agent leaves, of the parts that are needed to serve it. */
async function writeImage(directory: string): Promise<void> {
  const dir = join(directory, 'data', 'agent', 'x86_64');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'vmlinuz'), KERNEL);
  await writeFile(join(dir, 'initrd.zst'), INITRD);
  const outputs = [
    { name: 'vmlinuz', bytes: KERNEL.length, sha256: '' },
    { name: 'initrd.zst', bytes: INITRD.length, sha256: '' },
  ];
  const manifest = { format: 1, id: 'test', architecture: 'x86_64', commandLine: 'console=ttyS0', outputs };
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
}

/** A machine as the boot plane meets it: an address of loopback, and a MAC that its iPXE says. */
type Card = { readonly mac: string; readonly address: string };
const card = (number: number): Card => ({
  mac: `52:54:00:00:77:${number.toString(16).padStart(2, '0')}`,
  address: `127.77.0.${number}`,
});

describe('the machine plane and the agents that call it', () => {
  let directory: string;
  let daemon: Daemon;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ingot-agents-'));
    await writeImage(directory);
    daemon = await startDaemon({ directory, config: CONFIG });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function fetched(address: string, target: string, method = 'GET'): Promise<{ status: number; bytes: Buffer }> {
    const call = http.request(new URL(target, daemon.ready.boot), { localAddress: address, method, agent: false });
    call.end();
    const [response] = (await once(call, 'response')) as [http.IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    return { status: response.statusCode ?? 0, bytes: Buffer.concat(pieces) };
  }

  /** From the script to the token, as iPXE goes. */
  async function boot({ mac, address }: Card) {
    const { bytes } = await fetched(address, `/boot.ipxe?mac=${mac}&platform=efi&buildarch=x86_64`);
    const script = bytes.toString();
    const line = /^kernel (\S+) (.*) \|\| goto failed$/m.exec(script);
    assert.ok(line, script);
    const words = kernelArguments((line[2] ?? '').replace('${netX/mac:hexhyp}', mac.replaceAll(':', '-')));
    const attempt = words.get('ingot.attempt') ?? '';
    await fetched(address, `/a/${attempt}/kernel`);
    const archive = await fetched(address, `/a/${attempt}/initrd-0`);
    const image = await fetched(address, `/a/${attempt}/initrd-1`);
    assert.equal(archive.status, 200);
    assert.deepEqual(image.bytes, INITRD);
    const read = decodeNewc(archive.bytes);
    assert.ok(read.kind === 'archive');
    const file = read.entries.find(({ path }) => `/${path}` === BOOT_TOKEN_FILE);
    assert.ok(file?.kind === 'file' && file.mode === 0o400);
    const token = Buffer.from(file.content).toString().trim();
    return { attempt, token, words, script };
  }

  /** What the audit log says of an address, of one attempt or of any. */
  async function audited(from: string, attempt?: string): Promise<readonly string[]> {
    const { items } = await daemon.api<{ items: readonly { who: string; action: string; target: string }[] }>(
      'GET',
      '/api/v1/audit',
    );
    return items
      .filter(({ who, target }) => who === from && (attempt === undefined || target === attempt))
      .map(({ action }) => action);
  }

  async function agent({ mac, address }: Card) {
    const booted = await boot({ mac, address });
    const { words, attempt, token } = booted;
    const url = new URL(words.get('ingot.url') ?? '');
    const pin = words.get('ingot.pin') ?? '';
    const plane = openDaemon({ url, pin, localAddress: address, random: () => 0 });
    const { csr } = await makeMachineKey();
    const registration: AgentRegistration = {
      attempt,
      version: '1',
      csr,
      addresses: [address],
      bootMac: mac,
      macs: [mac],
      port: 50_000,
    };
    return { ...booted, url, pin, plane, registration, register: () => plane.register(token, registration, NEVER) };
  }

  const machineOf = (name: string) => daemon.api<MachineResource>('GET', `/api/v1/machines/${name}`);
  const eventsOf = async (attempt: string, kind: string) =>
    (await daemon.events(attempt)).filter((event) => event.kind === kind);
  const isCode = (code: DaemonError['code']) => (error: unknown) =>
    error instanceof Error && 'code' in error && error.code === code;

  const hardware = (mac: string, more: object = {}) =>
    inventory.parse({
      source: 'agent',
      at: 0,
      system: {
        manufacturer: 'QEMU',
        product: 'Standard PC',
        uuid: `00000000-1111-2222-3333-${mac.replaceAll(':', '')}`,
      },
      processors: [{ model: 'Any CPU', cores: 4 }],
      memory: { totalBytes: 8 * 2 ** 30 },
      disks: [{ name: 'sda', serial: `S-${mac}`, bytes: 10_000_000_000, signatures: ['gpt'] }],
      nics: [{ name: 'eth0', mac, booted: true }],
      ...more,
    });

  it('from a script to a machine that is discovered, accepted and ready', async () => {
    const me = card(1);
    const { attempt, words, register, plane } = await agent(me);
    using _ = plane;
    assert.equal(words.get('BOOTIF'), '01-52-54-00-00-77-01');
    assert.equal(words.get('console'), 'ttyS0');
    const welcome = await register();
    assert.equal(welcome.machine, 'm-525400007701');
    const { session } = welcome;
    const waiting = await plane.status(session, { stage: 'inventory', text: 'reads the hardware' }, NEVER);
    assert.deepEqual(waiting, {
      notice: 'waiting to be accepted: ingot machine accept m-525400007701',
      order: 'wait',
    });
    assert.equal((await machineOf(welcome.machine)).status.standing, 'seen');
    await plane.inventory(session, hardware(me.mac), NEVER);
    const line = { source: 'kernel', uptimeMs: 1500, severity: 6, text: 'Linux version 6.1' } as const;
    await plane.logs(session, { lines: [line] }, NEVER);

    const seen = await machineOf(welcome.machine);
    assert.equal(seen.status.standing, 'discovered');
    assert.equal(seen.status.facts['memory.gib']?.value, 8);
    assert.equal(seen.status.facts['cpu.cores']?.value, 4);
    await daemon.api('POST', `/api/v1/machines/${welcome.machine}/actions/accept`);
    assert.equal((await machineOf(welcome.machine)).status.standing, 'ready');
    const ready = await plane.status(session, { stage: 'waiting', text: 'waits' }, NEVER);
    assert.match(ready.notice, /is ready/);
    assert.equal(ready.order, 'wait');

    await waitFor('the trace to be written', async () => (await eventsOf(attempt, 'log')).length === 1, 5000);
    assert.deepEqual(
      (await eventsOf(attempt, 'log')).map((event) => 'text' in event && event.text),
      ['[1.500] Linux version 6.1'],
    );
    const [newest] = await daemon.attempts({ mac: me.mac });
    assert.equal(newest?.verdict.code, 'booted');
  });

  it('a class accepts a machine by what the agent found, if it says so', async () => {
    await daemon.apply([
      { kind: 'Class', name: 'big', match: { facts: { 'memory.gib': '>= 64' } }, profile: 'disk', accept: true },
    ]);
    const small = await agent(card(2));
    using _ = small.plane;
    const big = await agent(card(3));
    using __ = big.plane;
    const [one, other] = [await small.register(), await big.register()];
    await small.plane.inventory(one.session, hardware(card(2).mac), NEVER);
    await big.plane.inventory(other.session, hardware(card(3).mac, { memory: { totalBytes: 64 * 2 ** 30 } }), NEVER);
    await waitFor('the class', async () => (await machineOf(other.machine)).status.standing === 'ready', 5000);
    assert.equal((await machineOf(one.machine)).status.standing, 'discovered');
  });

  it('an agent that stays gets another certificate by its session, for its address and no other', async () => {
    const me = card(12);
    const { register, plane, url } = await agent(me);
    using _ = plane;
    const { session, certificate: first, machine } = await register();
    const { csr } = await makeMachineKey();
    const certificate = new X509Certificate(await plane.certificate(session, csr, NEVER));
    assert.equal(certificate.checkIP(me.address), me.address);
    assert.equal(certificate.checkIP('127.77.0.13'), undefined);
    assert.match(certificate.subject, new RegExp(`CN=${machine}`));
    assert.equal(certificate.checkIssued(new X509Certificate(first)), false);
    assert.equal(
      (await raw(url, '127.77.0.67', '/agent/certificate', session, { csr })).status,
      404,
      'another address',
    );
    assert.equal((await raw(url, me.address, '/agent/certificate', session, { csr: 'no request' })).status, 400);
  });

  it('the token goes to the address of its boot only, and HEAD makes none', async () => {
    const me = card(4);
    const { attempt } = await boot(me);
    const head = await fetched(me.address, `/a/${attempt}/initrd-0`, 'HEAD');
    assert.equal(head.status, 200);
    const foreign = await fetched('127.77.0.99', `/a/${attempt}/initrd-0`);
    assert.equal(foreign.status, 404);
    assert.doesNotMatch(foreign.bytes.toString('latin1'), /ingot_/);
  });

  it('whatever is unknown, spent or another’s gets the same answer', async () => {
    const me = card(5);
    const { plane, registration, token, register, url } = await agent(me);
    using _ = plane;
    const { session } = await register();
    const answers = await Promise.all([
      raw(url, '127.77.0.50', '/agent/register', 'ingot_nonsense', registration),
      raw(url, '127.77.0.51', '/agent/register', token, { ...registration, attempt: 'A'.repeat(22) }),
      raw(url, '127.77.0.52', '/agent/status', session, { stage: 'waiting', text: '' }),
      raw(url, '127.77.0.53', '/agent/status', undefined, { stage: 'waiting', text: '' }),
      raw(url, me.address, '/agent/status', token, { stage: 'waiting', text: '' }),
      raw(url, '127.77.0.54', '/agent/nothing', session, {}),
      raw(url, '127.77.0.55', '/', undefined, {}),
    ]);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0]?.status, 404);
    // None of these was the token's end.
    await plane.status(session, { stage: 'waiting', text: '' }, NEVER);
    for (const who of ['127.77.0.50', '127.77.0.51']) {
      await waitFor(
        'the guess in the audit log',
        async () => (await audited(who)).includes('boot token refused'),
        5000,
      );
    }
  });

  it('a token that a second address presents is void for both, and the verdict says so', async () => {
    const me = card(6);
    const { plane, registration, token, register, url, attempt } = await agent(me);
    using _ = plane;
    const { session } = await register();
    const stolen = await raw(url, '127.77.0.66', '/agent/register', token, registration);
    assert.equal(stolen.status, 404);
    await assert.rejects(plane.status(session, { stage: 'waiting', text: '' }, NEVER), isCode('unknown'));
    await assert.rejects(register(), isCode('unknown'));
    const verdict = await waitFor(
      'the verdict',
      async () => (await daemon.attempts({ mac: me.mac })).find((one) => one.verdict.code === 'token-abused'),
      5000,
    );
    assert.equal(verdict.id, attempt);
    assert.match(verdict.verdict.cause, /127\.77\.0\.6 and then from 127\.77\.0\.66/);
    await waitFor(
      'the audit entry',
      async () => (await audited('127.77.0.66', attempt)).includes('boot token voided'),
      5000,
    );
  });

  it('a daemon with another key is told nothing', async () => {
    const { url, token, registration, plane } = await agent(card(7));
    using _ = plane;
    const other = openDaemon({ url, pin: Buffer.alloc(32).toString('base64'), random: () => 0 });
    using __ = other;
    await assert.rejects(other.register(token, registration, NEVER), isCode('untrusted'));
  });

  it('two machines with one UUID are a conflict, which a class does not accept', async () => {
    const uuid = '11111111-2222-3333-4444-555555555555';
    const [one, other] = [await agent(card(8)), await agent(card(9))];
    using _ = one.plane;
    using __ = other.plane;
    const [first, second] = [await one.register(), await other.register()];
    const huge = { system: { uuid }, memory: { totalBytes: 64 * 2 ** 30 } };
    await one.plane.inventory(first.session, hardware(card(8).mac, huge), NEVER);
    await other.plane.inventory(second.session, hardware(card(9).mac, huge), NEVER);
    const { status } = await machineOf(second.machine);
    assert.equal(status.facts['inventory.conflict']?.value, `its UUID ${uuid} is ${first.machine}’s too`);
    assert.equal(status.standing, 'discovered');
    const orders = await other.plane.status(second.session, { stage: 'waiting', text: '' }, NEVER);
    assert.match(orders.notice, /look at m-525400007709: its UUID/);
  });

  it('a machine that was accepted gets the agent once, under a grant that is spent by the last initrd', async () => {
    const me = card(11);
    await daemon.apply([{ kind: 'Machine', name: 'r1-u11', macs: [me.mac] }]);
    await daemon.api('POST', '/api/v1/machines/r1-u11/boot', { profile: 'agent' });
    const { attempt, register, plane } = await agent(me);
    using _ = plane;
    assert.equal((await register()).machine, 'r1-u11');
    await waitFor('the grant to be spent', async () => (await eventsOf(attempt, 'grant-spent')).length === 1, 5000);
    // The same boot may ask again; one that came by itself may not.
    assert.equal((await fetched(me.address, `/a/${attempt}/initrd-1`)).status, 200);
    const explained = await daemon.api<{ plan: { kind: string; code?: string } }>('GET', '/api/v1/explain?of=r1-u11');
    assert.equal(explained.plan.kind, 'own-disk');
    assert.equal(explained.plan.code, 'no-profile');
  });

  it('a session outlives the daemon', async () => {
    const me = card(10);
    const { plane, register } = await agent(me);
    const { session, machine } = await register();
    plane[Symbol.dispose]();
    await daemon.stop();
    daemon = await startDaemon({ directory, config: CONFIG });
    const { listeners } = await daemon.api<{ listeners: readonly { name: string; at: string }[] }>(
      'GET',
      '/api/v1/status',
    );
    const url = new URL(listeners.find(({ name }) => name === 'agents')?.at ?? '');
    const { status, text } = await raw(url, me.address, '/agent/status', session, { stage: 'waiting', text: '' });
    assert.equal(status, 200);
    assert.match(text, new RegExp(`ingot machine accept ${machine}`));
  });
});

/** A call without the agent's own client, whose status and body are compared. */
async function raw(url: URL, localAddress: string, path: string, credential: string | undefined, body: unknown) {
  const call = httpsRequest(new URL(path, url), {
    method: 'POST',
    agent: false,
    localAddress,
    rejectUnauthorized: false,
    headers: {
      'content-type': 'application/json',
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
    },
  });
  call.end(JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const piece of response as AsyncIterable<Buffer>) text += piece.toString();
  return { status: response.statusCode, text, type: response.headers['content-type'] };
}
