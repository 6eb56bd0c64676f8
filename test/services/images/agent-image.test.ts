import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { agentImageDir, openAgentImage, openAgentImages } from '#services/images/agent-image.ts';

it('the agent’s image is there when its three files fit together, and says why not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-agent-image-'));
  const clock = { now: 0 };
  const image = openAgentImage({ dir, now: () => clock.now });
  const put = (name: string, text: string) => writeFile(join(dir, name), text);
  const because = (): string => {
    clock.now += 1000;
    const state = image.state();
    return state.kind === 'missing' ? state.because : `ready ${state.id}`;
  };
  const manifest = (bytes: number, more: object = {}) =>
    JSON.stringify({
      format: 1,
      id: 'one',
      architecture: 'x86_64',
      commandLine: 'console=ttyS0',
      outputs: [
        { name: 'vmlinuz', bytes: 6 },
        { name: 'initrd.zst', bytes },
      ],
      ...more,
    });
  try {
    assert.match(because(), /no agent image is in .*: npm run agent:image builds one/);
    await put('vmlinuz', 'kernel');
    assert.match(because(), /manifest\.json is missing/);
    await put('manifest.json', '{');
    assert.match(because(), /it is no JSON/);
    await put('manifest.json', manifest(4, { commandLine: 'two\nlines' }));
    assert.match(because(), /commandLine: want plain text/);
    await put('manifest.json', manifest(4));
    assert.match(because(), /initrd\.zst is no bytes, its manifest says 4/);
    await put('initrd.zst', 'cut');
    assert.match(because(), /initrd\.zst is 3 bytes, its manifest says 4/);
    await put('initrd.zst', 'full');
    assert.equal(because(), 'ready one');
    const kernel = await image.asset('kernel');
    assert.ok(kernel.kind === 'found' && kernel.blob.size === 6);
    // Not looked at again within a second.
    await rm(join(dir, 'vmlinuz'));
    assert.equal(image.state().kind, 'ready');
    assert.match(because(), /vmlinuz is no bytes/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

it('a machine gets the agent for its processor, and where there is none hears of the usual one', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingot-agent-images-'));
  const clock = { now: 0 };
  const images = openAgentImages({ dataDir, now: () => clock.now });
  const archFor = (architecture: string | undefined): string | undefined => {
    clock.now += 1000;
    const state = images.of(architecture).state();
    return state.kind === 'ready' ? state.arch : undefined;
  };
  const put = async (architecture: 'x86_64' | 'arm64'): Promise<void> => {
    const dir = agentImageDir(dataDir, architecture);
    await mkdir(dir, { recursive: true });
    const outputs = ['vmlinuz', 'initrd.zst'].map((name) => ({ name, bytes: 1 }));
    for (const { name } of outputs) await writeFile(join(dir, name), 'x');
    const manifest = { format: 1, id: architecture, architecture, commandLine: '', outputs };
    await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  };
  try {
    assert.equal(archFor('arm64'), undefined);
    await put('x86_64');
    assert.deepEqual([archFor('arm64'), archFor('x86_64'), archFor(undefined)], ['x86_64', 'x86_64', 'x86_64']);
    await put('arm64');
    assert.deepEqual([archFor('arm64'), archFor('i386'), archFor(undefined)], ['arm64', 'x86_64', 'x86_64']);
    assert.equal((await images.of('arm64').asset('kernel')).kind, 'found');
  } finally {
    await rm(dataDir, { recursive: true });
  }
});
