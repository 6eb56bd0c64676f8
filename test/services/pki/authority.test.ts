import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { makeMachineKey } from '#machines/agent/machine-key.ts';
import { openAuthority } from '#services/pki/authority.ts';

const NOON = Date.UTC(2026, 10, 1, 12);

function memoryVault() {
  const kept = new Map<string, string>();
  return {
    kept,
    read: async (name: string) => kept.get(name),
    write: async (name: string, text: string) => void kept.set(name, text),
  };
}

const fingerprint = (certificate: string): string =>
  createHash('sha256')
    .update(new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

test('keys and CA outlive a restart, and the pin with them', async () => {
  const vault = memoryVault();
  const first = await openAuthority({ vault, now: () => NOON });
  const second = await openAuthority({ vault, now: () => NOON + 400 * 86_400_000 });
  assert.equal(second.ca, first.ca);
  assert.equal(second.pin, first.pin);
  const [one, other] = [await first.planeCertificate(), await second.planeCertificate()];
  assert.notEqual(one.certificate, other.certificate);
  assert.equal(fingerprint(one.certificate), first.pin);
  assert.equal(fingerprint(other.certificate), first.pin);
  assert.ok(new X509Certificate(other.certificate).verify(new X509Certificate(first.ca).publicKey));
});

test('another daemon is another authority', async () => {
  const one = await openAuthority({ vault: memoryVault(), now: () => NOON });
  const other = await openAuthority({ vault: memoryVault(), now: () => NOON });
  assert.notEqual(one.pin, other.pin);
  assert.notEqual(one.ca, other.ca);
});

test('a machine gets a certificate for the addresses that we know, whatever its request says', async () => {
  const authority = await openAuthority({ vault: memoryVault(), now: () => NOON });
  const { csr, fingerprint: own } = await makeMachineKey();
  const signed = await authority.signAgentCsr(csr, {
    machine: 'r1-u12',
    addresses: ['192.168.77.12', 'fd00::12'],
    lifetimeMs: 3600_000,
  });
  assert.equal(signed.kind, 'signed');
  if (signed.kind !== 'signed') return;
  const certificate = new X509Certificate(signed.certificate);
  assert.equal(fingerprint(signed.certificate), own);
  assert.equal(certificate.subject, 'CN=r1-u12');
  assert.equal(certificate.checkIP('192.168.77.12'), '192.168.77.12');
  assert.equal(certificate.checkIP('192.168.77.13'), undefined);
  assert.ok(certificate.checkIP('fd00::12'));
  assert.equal(certificate.ca, false);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.equal(certificate.validToDate.getTime(), NOON + 3600_000);
  assert.ok(certificate.checkIssued(new X509Certificate(authority.ca)));
});

test('requests that are none, of others’ keys or for no address are refused', async () => {
  const authority = await openAuthority({ vault: memoryVault(), now: () => NOON });
  const { csr } = await makeMachineKey();
  const body = csr.split('\n').slice(1, -1).join('');
  const bytes = Buffer.from(body.replace(/-----.*/, ''), 'base64');
  // The last byte of the signature.
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
  const whose = { machine: 'm', addresses: ['192.0.2.1'] };
  for (const [what, text, asked] of [
    ['nothing', '', whose],
    ['no PEM', 'request', whose],
    ['a certificate', authority.ca, whose],
    ['noise', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----', whose],
    ['a changed signature', forged, whose],
    ['no address', csr, { machine: 'm', addresses: [] }],
    ['a name', csr, { machine: 'm', addresses: ['machine.example'] }],
  ] as const) {
    assert.equal((await authority.signAgentCsr(text, asked)).kind, 'refused', what);
  }
});

test('the daemon and a machine know each other; two machines do not', async () => {
  const authority = await openAuthority({ vault: memoryVault(), now: Date.now });
  const machine = await makeMachineKey();
  const signed = await authority.signAgentCsr(machine.csr, { machine: 'r1-u12', addresses: ['127.0.0.1'] });
  assert.ok(signed.kind === 'signed');
  const server = tls.createServer(
    { key: machine.key, cert: signed.certificate, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end(socket.getPeerX509Certificate()?.subject ?? ''),
  );
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const visit = async (own: { readonly key: string; readonly certificate: string }): Promise<string> => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca: authority.ca, key: own.key, cert: own.certificate });
    let text = '';
    for await (const piece of socket as AsyncIterable<Buffer>) text += piece.toString();
    return text;
  };
  try {
    const client = await authority.clientCertificate(['os:admin']);
    assert.match(await visit(client), /O=os:admin/);
    // A machine's own certificate is for servers.
    const other = await visit({ key: machine.key, certificate: signed.certificate }).catch(() => 'refused');
    assert.ok(other === 'refused' || other === '', other);
  } finally {
    server.close();
  }
});
