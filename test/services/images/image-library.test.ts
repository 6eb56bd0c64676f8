import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { imageDocument } from '#machines/contract/documents.ts';
import { openImages } from '#services/images/image-library.ts';
import { ownFiles } from '#services/images/own-files.ts';
import type { RegistryChange } from '#services/registry/contract.ts';

const sha256 = (bytes: string) => createHash('sha256').update(bytes).digest('hex');

async function place(assets: (dir: string) => readonly object[]) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-library-'));
  const images = [imageDocument.parse({ kind: 'Image', name: 'live', arch: 'x86_64', assets: assets(dir) })];
  const listeners = new Set<(change: RegistryChange) => void>();
  const library = openImages({
    registry: {
      image: (name) => images.find((image) => image.name === name),
      documents: () => images.map((document) => ({ document, rev: 1 })),
      watch(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    dir: join(dir, 'kept'),
    log: { info() {}, warn() {} },
    isOwn: ownFiles({ dataDir: join(dir, 'data'), secret: [join(dir, 'api.key'), join(dir, 'credentials')] }),
  });
  return {
    dir,
    library,
    listeners,
    apply(document: object) {
      const image = imageDocument.parse({ kind: 'Image', arch: 'x86_64', ...document });
      images.push(image);
      for (const listener of listeners) {
        listener({ kind: 'document', documentKind: 'Image', name: image.name, document: image });
      }
    },
    async [Symbol.asyncDispose]() {
      await library[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

describe('the image library', () => {
  it('finds assets by role and number', async () => {
    await using at = await place((dir) => [
      { role: 'initrd', path: join(dir, 'one') },
      { role: 'kernel', path: join(dir, 'vmlinuz') },
      { role: 'initrd', path: join(dir, 'two') },
    ]);
    await writeFile(join(at.dir, 'two'), 'second');
    const found = await at.library.asset('live', 'initrd', 1);
    assert.equal(found.kind === 'found' && found.blob.path, join(at.dir, 'two'));
    assert.equal(found.kind === 'found' && found.blob.size, 6);
  });

  const missing: readonly {
    readonly name: string;
    readonly ask: readonly [string, 'kernel' | 'efi', number];
    readonly want: RegExp;
  }[] = [
    { name: 'an image that does not exist', ask: ['other', 'kernel', 0], want: /^image other does not exist$/ },
    { name: 'a role that it lacks', ask: ['live', 'efi', 0], want: /^image live has no efi$/ },
    {
      name: 'a number that it lacks',
      ask: ['live', 'kernel', 4],
      want: /^image live has 4 of role kernel, asked for number 4$/,
    },
    { name: 'a file that is not there', ask: ['live', 'kernel', 0], want: /\/vmlinuz does not exist$/ },
    { name: 'a directory', ask: ['live', 'kernel', 1], want: /\/folder is not a file$/ },
    { name: 'a relative path', ask: ['live', 'kernel', 2], want: /got vmlinuz, want an absolute path$/ },
    {
      name: 'a file with another digest',
      ask: ['live', 'kernel', 3],
      want: /\/wrong has sha256 [0-9a-f]{64}, the image live says 0{64}$/,
    },
  ];
  for (const { name, ask, want } of missing) {
    it(`${name} is missing, and the reason says so`, async () => {
      await using at = await place((dir) => [
        { role: 'kernel', path: join(dir, 'vmlinuz') },
        { role: 'kernel', path: join(dir, 'folder') },
        { role: 'kernel', path: 'vmlinuz' },
        { role: 'kernel', path: join(dir, 'wrong'), sha256: '0'.repeat(64) },
      ]);
      await mkdir(join(at.dir, 'folder'));
      await writeFile(join(at.dir, 'wrong'), 'x');
      const looked = await at.library.asset(...ask);
      assert.match(looked.kind === 'missing' ? looked.because : looked.kind, want);
    });
  }

  it('is no way to the daemon’s own files, also by another name', async () => {
    const own = [
      'data/operator.token',
      'data/ingot.db-wal',
      'data/.backup-x/ingot.db',
      'data/files.restored/api.key',
      'api.key',
      'credentials/seal.key',
      'linked',
      'folder/operator.token',
    ];
    const others = ['data/rack/images/vmlinuz', 'database/vmlinuz', 'vmlinuz', '.data'];
    await using at = await place((dir) => [
      ...[...own, ...others].map((path) => ({ role: 'kernel', path: join(dir, path) })),
      { role: 'kernel', path: '/proc/self/environ' },
      { role: 'kernel', path: join(dir, 'folder/../data/operator.token') },
    ]);
    for (const path of [...own.slice(0, 6), ...others]) {
      await mkdir(join(at.dir, path, '..'), { recursive: true });
      await writeFile(join(at.dir, path), 'x');
    }
    await symlink(join(at.dir, 'data/operator.token'), join(at.dir, 'linked'));
    await symlink(join(at.dir, 'data'), join(at.dir, 'folder'));
    const told = async (index: number): Promise<string> => {
      const looked = await at.library.asset('live', 'kernel', index);
      return looked.kind === 'missing' ? looked.because : looked.kind;
    };
    for (const [index, path] of own.entries())
      assert.match(await told(index), /is the daemon’s own, and no image$/, path);
    for (const [index, path] of others.entries()) assert.equal(await told(own.length + index), 'found', path);
    const count = own.length + others.length;
    for (const index of [count, count + 1]) assert.match(await told(index), /is the daemon’s own/);
  });

  it('checks the digest again when the file changes', async () => {
    await using at = await place((dir) => [{ role: 'kernel', path: join(dir, 'vmlinuz'), sha256: sha256('right') }]);
    const kind = async () => (await at.library.asset('live', 'kernel', 0)).kind;
    await writeFile(join(at.dir, 'vmlinuz'), 'right');
    assert.equal(await kind(), 'found');
    await writeFile(join(at.dir, 'vmlinuz'), 'wrong');
    assert.equal(await kind(), 'missing');
    await writeFile(join(at.dir, 'vmlinuz'), 'right');
    assert.equal(await kind(), 'found');
  });

  it('fetches what a document names by URL as soon as it is applied', async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const server = http.createServer((_request, response) => {
      asked.resolve();
      void go.promise.then(() => response.end('kernel'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/vmlinuz`;
    try {
      await using at = await place((dir) => [{ role: 'kernel', path: join(dir, 'x') }]);
      at.apply({ name: 'remote', assets: [{ role: 'kernel', url, sha256: sha256('kernel') }] });
      await asked.promise;
      const before = await at.library.asset('remote', 'kernel', 0);
      assert.match(before.kind === 'missing' ? before.because : '', /is not here yet/);
      go.resolve();
      let looked = before;
      while (looked.kind === 'missing') {
        await new Promise((resolve) => setImmediate(resolve));
        looked = await at.library.asset('remote', 'kernel', 0);
      }
      assert.equal(looked.blob.path, join(at.dir, 'kept', sha256('kernel')));
      assert.equal(at.listeners.size, 1);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
