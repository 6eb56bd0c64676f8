import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';

/** Another server leases the addresses. */
const CONFIG = { subnets: [{ cidr: '127.77.0.0/16', mode: 'proxy', discovery: 'hold' }] };
const GUESSED = `ingot_${'A'.repeat(43)}`;
const NOT_FOUND = '{"title":"not found"}';

/** A machine of the test: its card, and the address of loopback that it speaks from. */
const card = (number: number) => ({
  name: `m${number}`,
  mac: `52:54:00:00:99:${number.toString(16).padStart(2, '0')}`,
  address: `127.77.9.${number}`,
});
type Card = ReturnType<typeof card>;

type Reply = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly text: string };
type Audited = { readonly who: string; readonly action: string; readonly target: string; readonly detail: string };

describe('configuration in plain HTTP', () => {
  let directory: string;
  let daemon: Daemon;
  let machinePlane: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ingot-metadata-'));
    await writeFile(join(directory, 'vmlinuz'), 'a kernel, as far as anybody here looks');
    daemon = await startDaemon({ directory, config: CONFIG });
    machinePlane = /machine=(\S+)/.exec(daemon.output())?.[1] ?? '';
    const args = ['ds=nocloud;s={{config.nocloud}}', 'ignition.config.url={{config.ignition}}', 'ec2={{config.ec2}}'];
    await daemon.apply([
      { kind: 'Image', name: 'live', arch: 'x86_64', assets: [{ role: 'kernel', path: join(directory, 'vmlinuz') }] },
      {
        kind: 'Network',
        name: 'rack1',
        interfaces: [{ name: 'eno1', address: 'dhcp' }],
        dns: ['192.0.2.53'],
      },
      {
        kind: 'Profile',
        name: 'live',
        os: 'kernel',
        image: 'live',
        when: 'always',
        writes: 'none',
        args,
        data: { sshKeys: ['ssh-ed25519 AAAA operator'] },
        config: {
          cloudInit: { ntp: { servers: ['192.0.2.1'] }, hostname: 'from-the-profile' },
          ignition: { passwd: { users: [{ name: 'core' }] } },
          bottlerocket: { motd: 'hello' },
          preseed: ['d-i debian-installer/add-kernel-opts string quiet'],
        },
      },
      { kind: 'Profile', name: 'once', os: 'kernel', image: 'live', when: 'once', writes: 'none', args },
    ]);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function call(
    base: string,
    from: string,
    target: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: http.OutgoingHttpHeaders } = {},
  ): Promise<Reply> {
    const request = http.request(new URL(target, base), { localAddress: from, method, headers, agent: false });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(pieces).toString() };
  }

  /** The script of a boot, and the token in it. */
  async function boot({ mac, address }: Card): Promise<{ readonly token: string; readonly script: string }> {
    const { text: script } = await call(
      daemon.ready.boot,
      address,
      `/boot.ipxe?mac=${mac}&platform=efi&buildarch=x86_64`,
    );
    return { token: /\/m\/(ingot_[A-Za-z0-9_-]{43})\//.exec(script)?.[1] ?? '', script };
  }

  async function machine(of: Card, more: object = {}): Promise<Card> {
    await daemon.apply([{ kind: 'Machine', name: of.name, macs: [of.mac], profile: 'live', ...more }]);
    return of;
  }

  const read = (of: Card, token: string, path: string, options: Parameters<typeof call>[3] = {}) =>
    call(machinePlane, of.address, `/m/${token}/${path}`, options);

  async function audited(action: string, who: string): Promise<readonly Audited[]> {
    const { items } = await daemon.api<{ items: readonly Audited[] }>('GET', '/api/v1/audit');
    return items.filter((entry) => entry.action === action && entry.who === who);
  }

  /** Every refusal is the same to whoever asks, and says why to the operator. */
  async function refused(reply: Reply, who: string, because: RegExp): Promise<void> {
    assert.equal(reply.status, 404);
    assert.equal(reply.text, NOT_FOUND);
    await waitFor(
      `an audit entry for ${who}: ${because}`,
      async () => (await audited('config refused', who)).find(({ detail }) => because.test(detail)),
      10_000,
    );
  }

  it('is read by the machine that boots, as often as it asks', async () => {
    const me = await machine(card(1), {
      network: 'rack1',
      config: { cloudInit: { hostname: '{{machine.name}}' } },
    });
    const { token, script } = await boot(me);
    assert.ok(token, script);
    assert.ok(!token.includes('---'), script);
    for (const _again of [1, 2]) {
      const meta = await read(me, token, 'nocloud/meta-data');
      assert.equal(meta.status, 200, meta.text);
      assert.equal(meta.headers['cache-control'], 'no-store');
      assert.equal((parse(meta.text) as Record<string, unknown>)['local-hostname'], 'm1');
    }
    const user = await read(me, token, 'nocloud/user-data');
    assert.ok(user.text.startsWith('#cloud-config\n'), user.text);
    assert.deepEqual(parse(user.text), { ntp: { servers: ['192.0.2.1'] }, hostname: 'm1' });
    assert.equal((await read(me, token, 'nocloud/vendor-data')).status, 200);
    const network = parse((await read(me, token, 'nocloud/network-config')).text) as Record<string, unknown>;
    assert.deepEqual(Object.keys(network), ['version', 'ethernets']);
    const reads = await audited('config read', 'm1');
    assert.equal(reads.length, 5, JSON.stringify(reads));
    assert.ok(reads.every(({ target, detail }) => !`${target}${detail}`.includes(token)));
  });

  it('speaks to each kind of reader in its own way', async () => {
    const me = await machine(card(2), { network: 'rack1' });
    const { token } = await boot(me);
    const ignition = await read(me, token, 'ignition');
    assert.equal(ignition.headers['content-type'], 'application/vnd.coreos.ignition+json');
    const tree = JSON.parse(ignition.text) as { storage: { files: { path: string }[] }; passwd: unknown };
    assert.deepEqual(
      tree.storage.files.map(({ path }) => path),
      ['/etc/hostname', '/etc/systemd/network/10-eno1.network'],
    );
    assert.deepEqual(tree.passwd, { users: [{ name: 'core' }] });
    const bottlerocket = await read(me, token, 'bottlerocket');
    assert.match(bottlerocket.text, /^motd = "hello"$/m);
    assert.match(bottlerocket.text, /192\.0\.2\.53/);
    assert.equal((await read(me, token, 'ec2/latest/meta-data/local-ipv4')).text, me.address);
    assert.match((await read(me, token, 'ec2/2009-04-04/meta-data/')).text, /^instance-id$/m);
    assert.equal((await read(me, token, 'ec2/latest/meta-data/public-keys/')).text, '0=key-0');
    assert.equal(
      (await read(me, token, 'ec2/latest/meta-data/public-keys/0/openssh-key')).text,
      'ssh-ed25519 AAAA operator',
    );
    assert.equal((await read(me, token, 'ec2/latest/api/token', { method: 'PUT' })).status, 200);
    // With the token in the query, for whoever joins no paths.
    assert.equal((await call(machinePlane, me.address, `/m/ignition?token=${token}`)).status, 200);
    // An installer writes a disk: no confirmed plan, no answers.
    await refused(await read(me, token, 'preseed'), me.address, /no confirmed plan/);
    await refused(await read(me, token, 'talos'), me.address, /no confirmed plan names a disk/);
  });

  it('a script of another address has no token in it', async () => {
    const me = await machine(card(3));
    assert.ok((await boot(me)).token);
    const thief = await boot({ ...me, address: card(4).address });
    assert.equal(thief.token.replaceAll('-', ''), 'ingot_', thief.script);
  });

  it('a token from another address is refused, and is void from then on', async () => {
    const me = await machine(card(5));
    const thief = card(6);
    const { token } = await boot(me);
    assert.equal((await read(me, token, 'nocloud/meta-data')).status, 200);
    await refused(await read(thief, token, 'nocloud/meta-data'), thief.address, /used from .* and then from/);
    await refused(await read(me, token, 'nocloud/meta-data'), me.address, /it is void/);
  });

  it('a token is good for its own boot until nothing expects that boot any more', async () => {
    const me = await machine(card(7), { profile: 'once' });
    const grant = () => daemon.api('POST', `/api/v1/machines/${me.name}/boot`, { profile: 'once' });
    await grant();
    const first = await boot(me);
    assert.equal((await read(me, first.token, 'nocloud/meta-data')).status, 200);
    const kernel = /^kernel (\S+)/m.exec(first.script)?.[1] ?? '';
    assert.equal((await call(daemon.ready.boot, me.address, kernel.replace(/\?.*/, ''))).status, 200);
    assert.equal((await read(me, first.token, 'nocloud/meta-data')).status, 200, 'its own boot reads on');
    await daemon.api('POST', `/api/v1/machines/${me.name}/actions/maintenance-on`);
    await refused(await read(me, first.token, 'nocloud/meta-data'), me.address, /no job and no boot/);
  });

  it('a guessed token, or a path that nobody has, is the same 404', async () => {
    const me = card(8);
    await refused(await read(me, GUESSED, 'nocloud/meta-data'), me.address, /no boot has such a token/);
    await refused(await call(machinePlane, me.address, '/m/'), me.address, /no such path/);
    await refused(await read(me, GUESSED, '../../etc/passwd'), me.address, /no such path/);
    await refused(await read(me, GUESSED, 'nocloud/meta-data', { method: 'POST' }), me.address, /no such path/);
    const nowhere = await call(machinePlane, me.address, '/latest/meta-data/');
    assert.deepEqual([nowhere.status, nowhere.text], [404, NOT_FOUND]);
    const entries = await audited('config refused', me.address);
    assert.ok(
      entries.every(({ target }) => !target.includes(GUESSED)),
      JSON.stringify(entries),
    );
  });

  it('a right token through a proxy is refused', async () => {
    const me = await machine(card(9));
    const { token } = await boot(me);
    for (const [name, value] of [
      ['X-Forwarded-For', me.address],
      ['Forwarded', `for=${me.address}`],
      ['Via', '1.1 squid'],
      ['X-Real-IP', me.address],
    ] as const) {
      const reply = await read(me, token, 'nocloud/meta-data', { headers: { [name]: value } });
      await refused(reply, me.address, new RegExp(`proxy \\(${name.toLowerCase()}\\)`));
    }
    assert.equal((await read(me, token, 'nocloud/meta-data')).status, 200, 'and the machine itself still reads');
  });

  it('a machine that is rejected reads nothing any more', async () => {
    const me = await machine(card(10));
    const { token } = await boot(me);
    await daemon.api('POST', `/api/v1/machines/${me.name}/actions/reject`);
    await refused(await read(me, token, 'nocloud/meta-data'), me.address, /rejected/);
  });

  it('a value that has none is refused with its path', async () => {
    const me = await machine(card(11), { config: { cloudInit: { runcmd: ['echo {{facts.nothing}}'] } } });
    const { token } = await boot(me);
    await refused(
      await read(me, token, 'nocloud/user-data'),
      me.address,
      /config\.cloudInit\.runcmd\[0\]: \{\{facts\.nothing\}\} has no value/,
    );
  });
});
