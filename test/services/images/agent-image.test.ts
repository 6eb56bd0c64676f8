import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openAgentImage } from '#services/images/agent-image.ts';

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
