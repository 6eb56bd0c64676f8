import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { bootFiles, loaderFiles } from '#server/http/boot-files.ts';
import { bootScripts } from '#server/http/boot-scripts.ts';
import type { TftpFile } from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { ask } from './raw-client.ts';
import { ATTEMPT, startWorld } from './world.ts';

const LOCAL = sure(parseIpv4('127.0.0.1'));
const request = (name: string) => ({
  name,
  mapped: { kind: 'plain', path: name } as const,
  peer: { address: LOCAL, port: 2000 },
  local: { address: LOCAL, port: 69 },
});

async function openTftp(world: Awaited<ReturnType<typeof startWorld>>, name: string) {
  const { parts, port } = world;
  // As DHCP has just heard it.
  const heard = parts.recorder.live({ attempt: ATTEMPT });
  const live: typeof parts.recorder.live = (subject) =>
    subject.mac !== undefined && subject.mac === heard?.mac ? heard : parts.recorder.live(subject);
  const scripts = bootScripts(parts);
  const files = diskFiles({ served: loaderFiles(parts.loaders) });
  return await bootFiles({
    ...parts,
    recorder: { ...parts.recorder, live },
    scripts,
    files,
    bootPort: () => port,
  }).open(request(name));
}

async function readTftp(file: TftpFile): Promise<Uint8Array> {
  const bytes = typeof file.content === 'function' ? await file.content(0, file.size) : file.content;
  file.close();
  return bytes;
}

describe('boot files over TFTP', () => {
  it('are the same bytes as over HTTP', async () => {
    await using world = await startWorld();
    for (const name of [`a/${ATTEMPT}/boot.ipxe`, 'ipxe/x86_64/snponly.efi']) {
      const file = await openTftp(world, name);
      assert.ok(file.kind === 'file', name);
      const { body } = await ask(world.port, `GET /${name}`);
      assert.ok(body.equals(await readTftp(file)), name);
    }
  });

  it('include every loader that is there, and refuse those that are not', async () => {
    await using world = await startWorld();
    const available = world.parts.loaders.available();
    for (const name of LOADER_NAMES) {
      assert.equal((await openTftp(world, name)).kind, available.has(name) ? 'file' : 'refused', name);
    }
  });

  it('send every GRUB on to the configuration of its machine, which names files of that attempt', async () => {
    await using world = await startWorld();
    const read = async (name: string) => {
      const file = await openTftp(world, name);
      assert.ok(file.kind === 'file', name);
      return Buffer.from(await readTftp(file)).toString();
    };
    const start = await read('grub/grub.cfg');
    assert.match(start, /^configfile "\(\$root\)\/grub\/machine\.cfg\?mac=\$net_default_mac&/m);
    const { body } = await ask(world.port, 'GET /grub/grub.cfg');
    assert.equal(body.toString(), start);
    const own = await read('grub/machine.cfg?mac=52:54:00:00:00:01&platform=efi');
    const kernel = /^if linux \(http,127\.0\.0\.1:\d+\)(\/a\/[\w-]{22}\/kernel) /m.exec(own)?.[1];
    assert.ok(kernel, own);
    assert.equal((await ask(world.port, `GET ${kernel}`)).status, 200);
    assert.equal((await openTftp(world, 'grub/machine.cfg')).kind, 'refused', 'it names no machine');
    const stranger = await openTftp(world, 'grub/machine.cfg?mac=52:54:00:00:00:99');
    assert.ok(stranger.kind === 'refused' && /no boot of this MAC/.test(stranger.because));
  });

  it('are no kernels, nor anything else that only looks like ours', async () => {
    await using world = await startWorld();
    for (const name of [`a/${ATTEMPT}/kernel`, 'autoexec.ipxe', 'a/x/boot.ipxe', `a/${'Z'.repeat(22)}/boot.ipxe`]) {
      const { kind } = await openTftp(world, name);
      assert.equal(kind, 'refused', name);
    }
  });

  it('spend the grant of a script with nothing to fetch when its last block is read', async () => {
    await using world = await startWorld({ grant: true, profile: { os: 'script', script: 'exit 1' } });
    const file = await openTftp(world, `a/${ATTEMPT}/boot.ipxe`);
    assert.ok(file.kind === 'file' && typeof file.content === 'function');
    await file.content(0, 10);
    assert.equal(world.grant()?.spentAt, undefined);
    await file.content(10, file.size - 10);
    await world.event('grant-spent');
  });
});
