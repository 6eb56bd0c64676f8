import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONTAINER_NEEDS, type Container, debianRoot, startContainer } from '../lab/container.ts';
import { need } from '../lab/need.ts';
import { waitFor } from '../lab/wait.ts';

const LIMIT_MS = 180_000;
const SERVICE_LIMIT_MS = 30_000;
const NET_BIND_SERVICE = '0000000000000400';
const NOTHING = '0000000000000000';
/** As `systemd-analyze security` counts: 10 is a service that may do everything. */
const EXPOSURE = { asInstalled: 1.6, withSockets: 1.4 };
/** Its sockets that are opened by systemd where the admin wants so. */
const SOCKETS = ['dhcp-eth1', 'tftp-eth1', 'boot', 'machine', 'agents', 'api'].map((name) => `ingot-${name}.socket`);

const main = fileURLToPath(new URL('../../deploy/debian/main.ts', import.meta.url));
const packages = mkdtempSync(join(tmpdir(), 'ingot-deb-test-'));
after(() => rmSync(packages, { recursive: true }));

/** Builds it as `npm run deb` does. */
function build(folder: string, version: string): { readonly path: string; readonly sha256: string } {
  const out = join(packages, folder);
  const said = execFileSync(process.execPath, [main, '--out', out, '--version', version], { encoding: 'utf8' });
  const [, sha256 = ''] = /^sha256 (\w{64})$/m.exec(said) ?? [];
  const [, path = ''] = /^(\S+\.deb): /m.exec(said) ?? [];
  return { path, sha256 };
}

let built: string | undefined;
it('two builds of one checkout are the same to the byte', { timeout: LIMIT_MS }, () => {
  const [one, other] = [build('1', '0.1.0'), build('2', '0.1.0')];
  built = one.path;
  assert.match(one.sha256, /^\w{64}$/);
  assert.equal(one.sha256, other.sha256);
});

describe('the package on Debian 12 under systemd', { timeout: LIMIT_MS }, () => {
  let box: Container | undefined;
  let refused = '';
  let uid = '';
  after(() => box?.[Symbol.asyncDispose]());

  /** Each step goes on where the one before it ended. */
  const step = (name: string, check: (on: Container) => void | Promise<void>): void => {
    it(name, (t) => (box === undefined ? t.skip(refused) : check(box)));
  };
  const service = (on: Container, property: string): string => on.must(`systemctl show -P ${property} ingot`);
  const processStatus = (on: Container, field: string): string =>
    on.must(`sed -n 's/^${field}:\\s*//p' /proc/${service(on, 'MainPID')}/status`);
  /** What the health route answers. Whoever asks waits as long as the socket makes them. */
  const health = (on: Container): string =>
    on.must(
      `/usr/lib/ingot/bin/node --eval "fetch('http://127.0.0.1:4680/healthz').then(({ status }) => console.log(status))"`,
    );
  const exposure = (on: Container): number => {
    const said = on.must('systemd-analyze security --no-pager ingot.service');
    return Number(/Overall exposure level for ingot\.service: ([\d.]+)/.exec(said)?.[1]);
  };
  const active = (on: Container): Promise<boolean> =>
    waitFor('the service', () => on.run('systemctl is-active ingot').output === 'active', SERVICE_LIMIT_MS);

  it('a Debian with systemd is made and started', async (t) => {
    refused = 'no Debian was started';
    const tools = need(t, [...CONTAINER_NEEDS, 'ip']);
    if (!tools) return;
    let tar: string;
    try {
      tar = debianRoot(tools.mmdebstrap);
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error);
      return t.skip(refused);
    }
    const started = await startContainer({ tools, tar, shows: [packages] });
    if ('refused' in started) {
      refused = `this machine starts no container: ${started.refused}`;
      return t.skip(refused);
    }
    box = started;
    const link = [
      'link add eth1 type veth peer name eth1-far',
      'address add 192.168.77.1/24 dev eth1',
      'link set eth1 up',
      'link set eth1-far up',
    ];
    for (const args of link) box.inNetwork(tools.ip, args.split(' '));
  });

  step('installing starts nothing and enables nothing', (on) => {
    on.must(`dpkg --install ${built}`);
    assert.equal(on.run('systemctl is-active ingot').output, 'inactive');
    assert.equal(on.run('systemctl is-enabled ingot').output, 'disabled');
    assert.equal(on.must('stat -c "%U:%G %a" /etc/ingot/ingot.yaml'), 'root:ingot 640');
    assert.equal(on.must('stat -c "%U:%G %a" /var/lib/ingot'), 'ingot:ingot 750');
    assert.equal(on.must('ingot --version'), '0.1.0');
    uid = on.must('id -u ingot');
    assert.notEqual(uid, '0');
  });

  step('doctor as the service’s user names the command as the package has it', (on) => {
    on.must(`printf 'interfaces: [{ name: eth1, mode: proxy }]\\n' >> /etc/ingot/ingot.yaml`);
    const said = on.run(
      'setpriv --reuid ingot --regid ingot --clear-groups ingot doctor --config /etc/ingot/ingot.yaml',
    );
    assert.doesNotMatch(said.output, /npx/);
  });

  step('the service runs without root, with one capability, and answers', async (on) => {
    on.must('systemctl enable --now ingot');
    assert.equal(service(on, 'ActiveState'), 'active');
    assert.equal(processStatus(on, 'Uid'), Array(4).fill(uid).join('\t'));
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) assert.equal(processStatus(on, set), NET_BIND_SERVICE, set);
    assert.equal(processStatus(on, 'NoNewPrivs'), '1');
    assert.equal(processStatus(on, 'Seccomp'), '2');
    assert.equal(health(on), '200');
    assert.match(on.must('cat /proc/net/udp'), /:0043 .*\n?/, 'port 67');
    assert.match(on.must('ingot machine add r1-u1 --mac 52:54:00:00:00:01; ingot machine list'), /r1-u1/);
    const exposed = exposure(on);
    assert.ok(exposed <= EXPOSURE.asInstalled, `exposure ${exposed}`);
  });

  step('a reload takes what may change, and a wrong file changes nothing', (on) => {
    const before = service(on, 'MainPID');
    on.must(`sed -i 's/mode: proxy/mode: proxy, discovery: hold/' /etc/ingot/ingot.yaml; systemctl reload ingot`);
    on.must(`echo 'nonsense: [' >> /etc/ingot/ingot.yaml; systemctl reload ingot`);
    assert.match(on.must('journalctl --unit ingot --lines 3 --output cat'), /ingot\.yaml/);
    assert.equal(health(on), '200');
    on.must(`sed -i /nonsense/d /etc/ingot/ingot.yaml; systemctl reload ingot`);
    assert.equal(service(on, 'MainPID'), before);
  });

  step('an upgrade restarts it and keeps data and configuration', async (on) => {
    const before = service(on, 'MainPID');
    on.must(`dpkg --install ${build('3', '0.1.1').path}`);
    await active(on);
    assert.notEqual(service(on, 'MainPID'), before);
    assert.match(on.must('dpkg-query --show ingot'), /0\.1\.1/);
    assert.match(on.must('ingot machine list'), /r1-u1/);
    assert.match(on.must('cat /etc/ingot/ingot.yaml'), /eth1.*hold/);
  });

  step('with sockets from systemd it has no capability, and whoever asks while it starts waits', async (on) => {
    const examples = '/usr/share/doc/ingot/examples';
    // Without udev, systemd knows no device of the interface.
    for (const name of SOCKETS.slice(0, 2))
      on.must(`sed '/sys-subsystem-net/d' ${examples}/${name} > /etc/systemd/system/${name}`);
    on.must(`install -D ${examples}/no-capabilities.conf /etc/systemd/system/ingot.service.d/no-capabilities.conf`);
    on.must('install -D -m 0600 /var/lib/ingot/seal.key /etc/credstore/ingot-seal-key; rm /var/lib/ingot/seal.key');
    on.must(`systemctl daemon-reload; systemctl stop ingot; systemctl start ${SOCKETS.join(' ')}`);
    assert.equal(on.run('systemctl is-active ingot').output, 'inactive');
    assert.equal(health(on), '200', 'the first who asks starts it');
    await active(on);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) assert.equal(processStatus(on, set), NOTHING, set);
    const given = on.must(`tr '\\0' '\\n' < /proc/${service(on, 'MainPID')}/environ`);
    assert.match(given, /^LISTEN_FDS=6$/m);
    assert.equal(on.run('test -e /var/lib/ingot/seal.key').status, 1, 'the key stays apart from the data');
    assert.match(on.must('ingot machine list'), /r1-u1/);
    const exposed = exposure(on);
    assert.ok(exposed <= EXPOSURE.withSockets, `exposure ${exposed}`);

    // Its sockets stop with it, or a packet would start what an operator stopped, and are there again before it runs.
    on.must('systemctl restart --no-block ingot');
    await waitFor('it to start', () => service(on, 'SubState') === 'start', SERVICE_LIMIT_MS);
    assert.equal(health(on), '200', 'who asks before it is ready waits');
    on.must('systemctl stop ingot');
    assert.equal(on.run(`systemctl is-active ${SOCKETS.join(' ')}`).output, SOCKETS.map(() => 'inactive').join('\n'));
  });

  step('removing ends it and keeps the data', (on) => {
    on.must('dpkg --remove ingot');
    assert.doesNotMatch(on.must('systemctl list-units --all --no-pager "ingot*"'), /\.service .*running|listening/);
    on.must('test -e /var/lib/ingot/ingot.sqlite -a -e /etc/ingot/ingot.yaml');
    assert.equal(on.run('test -e /usr/lib/ingot').status, 1);
  });

  step('purging leaves nothing', (on) => {
    // What the admin wrote is the admin's.
    on.must('rm -rf /etc/systemd/system/ingot* /etc/credstore');
    on.must('dpkg --purge ingot');
    assert.equal(on.run('id ingot').status, 1);
    const left = on.must(
      `find / -xdev \\( -iname '*ingot*' -o -uid ${uid} \\) -not -path '/var/log/*' -not -path '${packages}*'`,
    );
    assert.equal(left, '');
  });

  step('nothing of it is on this machine', () => {
    for (const path of ['/lib/systemd/system/ingot.service', '/etc/ingot', '/var/lib/ingot'])
      assert.equal(existsSync(path), false, path);
  });
});
