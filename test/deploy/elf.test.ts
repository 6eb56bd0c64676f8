import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { moduleFacts, readElf, withoutSections } from '../../deploy/agent/elf.ts';
import { kernelModule } from './kernel-module.ts';

const ON_LINUX = { skip: process.platform === 'linux' && process.arch === 'x64' ? false : 'reads programs of x86_64' };

test('a program names its loader and its libraries', ON_LINUX, () => {
  const elf = readElf(readFileSync(process.execPath));
  assert.equal(elf?.interpreter, '/lib64/ld-linux-x86-64.so.2');
  assert.ok(elf.needed.includes('libc.so.6'), elf.needed.join(' '));
});

test('a program runs without what only debuggers read, and is smaller', ON_LINUX, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-elf-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const whole = readFileSync(process.execPath);
  const small = withoutSections(whole);
  assert.ok(small.length < whole.length);
  const path = join(folder, 'node');
  writeFileSync(path, small, { mode: 0o755 });
  const { stdout } = spawnSync(path, ['-p', 'process.version + require("node:crypto").hash("sha256", "")'], {
    encoding: 'utf8',
  });
  assert.match(stdout, new RegExp(`^${process.version}e3b0c442`));
});

test('a module says what it needs, what it drives and which firmware it asks for', () => {
  const module = kernelModule(['alias=pci:v1*', 'depends=a,b', 'firmware=x/y.bin', 'firmware=z=1.bin', 'broken']);
  assert.deepEqual(moduleFacts(module), [
    { key: 'alias', value: 'pci:v1*' },
    { key: 'depends', value: 'a,b' },
    { key: 'firmware', value: 'x/y.bin' },
    { key: 'firmware', value: 'z=1.bin' },
  ]);
});

test('what is no ELF file of 64 bits is told apart, and one that is cut off is an error', () => {
  assert.equal(readElf(new TextEncoder().encode('#!/bin/sh\n'.repeat(10))), undefined);
  assert.deepEqual(moduleFacts(new Uint8Array(100)), []);
  assert.throws(() => withoutSections(new Uint8Array(100)), RangeError);
  const module = kernelModule(['depends=']);
  assert.throws(() => readElf(module.subarray(0, module.length - 40)), RangeError);
});
