import assert from 'node:assert/strict';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { it } from 'node:test';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { probeRedfish } from '#services/bmc/redfish/probe-redfish.ts';
import { startProgram } from '#test/lab/program.ts';
import { waitFor } from '#test/lab/wait.ts';
import { withCode } from '#test/services/bmc/redfish/error-code.ts';

/**
 * The emulator that OpenStack tests its Redfish client with. It has no sessions and no ETags, and keeps each override
 * as Continuous, so it proves Basic, reading, power, and that what was not stored is seen.
 */
const UUID = '12345678-1234-5678-9abc-def012345678';
const CREDENTIAL = { username: 'admin', password: 'right-Password1' } as const;
// bcrypt of that password, as htpasswd -B writes it.
const HTPASSWD = 'admin:$2b$05$yDMLBFbkGuv78/yAmZb1YOPDsLdlZiyn7A1iCERCDZiJ1O4dCA6cm\n';

const LIMIT_MS = 20_000;
const soon = () => AbortSignal.timeout(LIMIT_MS);

it('a machine of sushy-emulator is read, powered, and not believed about Once', async (t) => {
  const program = findProgram('sushy-emulator');
  if (program === undefined) {
    t.skip('needs sushy-emulator of sushy-tools, which Debian does not have, in PATH');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'ingot-sushy-'));
  const port = await freePort();
  const { key, cert } = await makeBmcCertificate();
  const file = (name: string) => join(folder, name);
  await writeFile(file('key.pem'), key);
  await writeFile(file('cert.pem'), cert);
  await writeFile(file('htpasswd'), HTPASSWD);
  const system = {
    uuid: UUID,
    name: 'node1',
    power_state: 'Off',
    nics: [{ mac: '52:54:00:00:00:01', ip: '127.0.0.2' }],
  };
  await writeFile(
    file('emulator.conf'),
    [
      "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'",
      `SUSHY_EMULATOR_LISTEN_PORT = ${port}`,
      `SUSHY_EMULATOR_SSL_CERT = '${file('cert.pem')}'`,
      `SUSHY_EMULATOR_SSL_KEY = '${file('key.pem')}'`,
      `SUSHY_EMULATOR_AUTH_FILE = '${file('htpasswd')}'`,
      `SUSHY_EMULATOR_STATE_DIR = '${folder}'`,
      'SUSHY_EMULATOR_FAKE_DRIVER = True',
      `SUSHY_EMULATOR_FAKE_SYSTEMS = [dict(${JSON.stringify(system)}, external_notifier=False)]`,
    ].join('\n'),
  );
  const emulator = startProgram({
    name: 'sushy-emulator',
    command: [program, '--config', file('emulator.conf')],
    logFile: file('log'),
  });
  t.after(async () => {
    await emulator.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await emulator.waitForOutput(/Running on https/, LIMIT_MS);
  const address = `https://127.0.0.1:${port}`;
  const { fingerprint, version } = await probeRedfish(address, soon());
  assert.match(version ?? '', /^1\.\d+\.\d+$/);

  const target = { type: 'redfish', address, credential: CREDENTIAL, pin: fingerprint } as const;
  const wrong = { ...target, credential: { ...CREDENTIAL, password: 'wrong' } };
  await assert.rejects(openRedfish(wrong, undefined, { signal: soon() }), withCode('credential'));
  await using driver = await openRedfish(target, undefined, { signal: soon() });
  assert.deepEqual(
    ['on', 'off', 'soft', 'reset', 'boot-once'].filter((verb) => !has(driver.verbs, verb)),
    [],
  );
  assert.equal((await driver.status(soon())).power, 'off');
  const identity = await driver.identity(soon());
  assert.equal(identity.uuid, UUID);
  assert.deepEqual(identity.macs, ['52:54:00:00:00:01']);

  await driver.power('on', soon());
  // It lags behind what it was told by up to eleven seconds.
  await waitFor('the machine to be on', async () => (await driver.status(soon())).power === 'on', LIMIT_MS);
  await assert.rejects(
    driver.bootOnce({ device: 'network', mode: 'uefi' }, soon()),
    withCode('not-stored', /Pxe \/ Continuous/),
  );
  const inventory = await driver.inventory(soon());
  assert.deepEqual(
    inventory.nics.map(({ mac }) => mac),
    ['52:54:00:00:00:01'],
  );
});

const has = (verbs: ReadonlySet<string>, verb: string): boolean => verbs.has(verb);

function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
