import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normaliseName } from '#server/tftp/decide/name.ts';
import { requestOf } from '#server/tftp/decide/request.ts';
import type { TftpPacket } from '#server/tftp/wire/packet.ts';

const NAMES: readonly { readonly asked: string; readonly path?: string; readonly because?: RegExp }[] = [
  { asked: 'ipxe.efi', path: 'ipxe.efi' },
  { asked: '/ipxe.efi', path: 'ipxe.efi' },
  { asked: '///boot//x/./ipxe.efi', path: 'boot/x/ipxe.efi' },
  { asked: '\\boot\\x64\\wdsnbp.com', path: 'boot/x64/wdsnbp.com' },
  { asked: 'x..y/...', path: 'x..y/...' },
  { asked: 'größe', path: 'größe' },
  { asked: '../etc/passwd', because: /out of the root/ },
  { asked: 'a/../b', because: /out of the root/ },
  { asked: 'a\\..\\..\\b', because: /out of the root/ },
  { asked: 'a/..', because: /out of the root/ },
  { asked: 'a\nb', because: /control/ },
  { asked: 'a\u001b[2J', because: /control/ },
  { asked: 'a\0b', because: /control/ },
  { asked: '', because: /empty/ },
  { asked: '///', because: /empty/ },
  { asked: 'x'.repeat(513), because: /513 characters, want at most 512/ },
];

for (const { asked, path, because } of NAMES) {
  test(`the name ${JSON.stringify(asked.slice(0, 40))} ${path === undefined ? 'is refused' : `is ${path}`}`, () => {
    const got = normaliseName(asked);
    if (path !== undefined) assert.deepEqual(got, { kind: 'name', path });
    else {
      assert.equal(got.kind === 'refused' && got.code, 2);
      assert.match(got.kind === 'refused' ? got.because : '', because ?? /never/);
    }
  });
}

const rrq = (mode: string, filename = 'a'): TftpPacket => ({ kind: 'RRQ', filename, mode, options: [] });

const REQUESTS: readonly { readonly name: string; readonly packet: TftpPacket; readonly want: string }[] = [
  { name: 'octet in any case is read', packet: rrq('OcTeT'), want: 'read octet' },
  { name: 'netascii is read', packet: rrq('NETASCII'), want: 'read netascii' },
  { name: 'mail is an illegal operation', packet: rrq('mail'), want: 'refuse 4' },
  { name: 'an unknown mode is an illegal operation', packet: rrq(''), want: 'refuse 4' },
  {
    name: 'a write is refused before its name is looked at',
    packet: { kind: 'WRQ', filename: '..', mode: 'mail', options: [] },
    want: 'refuse 2',
  },
  { name: 'a way out of the root is refused', packet: rrq('octet', '../x'), want: 'refuse 2' },
  { name: 'a stray ACK is ignored', packet: { kind: 'ACK', block: 1 }, want: 'ignore' },
  { name: 'a stray ERROR is ignored', packet: { kind: 'ERROR', code: 5, text: '' }, want: 'ignore' },
  { name: 'stray data is ignored', packet: { kind: 'DATA', block: 1, data: new Uint8Array(1) }, want: 'ignore' },
];

for (const { name, packet, want } of REQUESTS) {
  test(name, () => {
    const request = requestOf(packet);
    const detail = request.kind === 'read' ? ` ${request.mode}` : request.kind === 'refuse' ? ` ${request.code}` : '';
    assert.equal(request.kind + detail, want);
  });
}
