import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readableKey } from '#machines/api/key-label.ts';
import { secretsYaml, TOKEN_FORM } from '#machines/os/talos/secrets.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';
import { kubeconfig, talosconfig } from '#services/talos/client-config.ts';
import { newTalosSecrets, readSecrets, readTalosSecrets, secretsName, writeSecrets } from '#services/talos/secrets.ts';

const NOW = Date.UTC(2026, 0, 2);
const YEAR_MS = 365 * 24 * 3600_000;
const made = newTalosSecrets({ version: sure(parseTalosVersion('v1.13.9')), random: randomBytes, now: () => NOW });

const decoded = (text: string): string => Buffer.from(text, 'base64').toString();

describe("a cluster's secrets", () => {
  it('have CAs that stock tools would have made', async () => {
    const { ca } = await made;
    for (const [name, subject, type, label] of [
      ['machine', 'O=talos', 'ed25519', 'ED25519 PRIVATE KEY'],
      ['etcd', 'O=etcd', 'ec', 'EC PRIVATE KEY'],
      ['kubernetes', 'O=kubernetes', 'ec', 'EC PRIVATE KEY'],
      ['aggregator', '', 'ec', 'EC PRIVATE KEY'],
    ] as const) {
      const { crt, key } = ca[name];
      const certificate = new X509Certificate(crt);
      assert.equal(certificate.subject ?? '', subject);
      assert.equal(certificate.ca, true);
      assert.ok(certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey));
      assert.equal(certificate.publicKey.asymmetricKeyType, type);
      assert.ok(certificate.checkPrivateKey(createPrivateKey(readableKey(key))));
      assert.ok(key.startsWith(`-----BEGIN ${label}-----\n`) && key.endsWith(`-----END ${label}-----\n`));
      assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
      assert.equal(certificate.validToDate.getTime(), NOW + 87_600 * 3600_000);
    }
  });

  it('have tokens and keys of the right form and length', async () => {
    const secrets = await made;
    assert.match(secrets.bootstrapToken, TOKEN_FORM);
    assert.match(secrets.machineToken, TOKEN_FORM);
    assert.notEqual(secrets.machineToken, secrets.bootstrapToken);
    for (const text of [secrets.cluster.secret, secrets.etcdEncryption.key]) {
      assert.equal(Buffer.from(text, 'base64').toString('base64'), text);
      assert.equal(Buffer.from(text, 'base64').length, 32);
    }
    assert.match(secrets.cluster.id, /^[A-Za-z0-9_-]{43}=$/);
    const key = createPrivateKey(secrets.serviceAccountKey);
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 4096);
    assert.ok(secrets.serviceAccountKey.startsWith('-----BEGIN RSA PRIVATE KEY-----\n'));
  });

  it('draw letters of tokens without preferring any', async () => {
    // 252 to 255 would be the first four letters once more.
    const bytes = [252, 253, 254, 255, 0, 35, 36, 251];
    let next = 0;
    const random = (count: number) => Uint8Array.from({ length: count }, () => bytes[next++ % bytes.length] ?? 0);
    const { bootstrapToken } = await newTalosSecrets({
      version: sure(parseTalosVersion('v1.14.0')),
      random,
      now: () => NOW,
    });
    assert.match(bootstrapToken, /^[0z]{6}\.[0z]{16}$/);
  });

  it('are read from the file that they are written to', async () => {
    const secrets = await made;
    assert.deepEqual(readTalosSecrets({ file: 'secrets.yaml', text: secretsYaml(secrets) }), { ok: true, secrets });
  });

  it('are kept by name, and nothing is found for another', async () => {
    const kept = new Map<string, string>();
    const vault = {
      read: async (name: string) => kept.get(name),
      write: async (name: string, text: string) => void kept.set(name, text),
    };
    await writeSecrets(vault, 'home', await made);
    assert.deepEqual([...kept.keys()], [secretsName('home')]);
    assert.deepEqual(await readSecrets(vault, 'home'), await made);
    assert.equal(await readSecrets(vault, 'work'), undefined);
  });

  it('that are wrong are told by their place and never shown', async () => {
    const text = secretsYaml(await made)
      .replace(/bootstraptoken: .*/, 'bootstraptoken: hunter2')
      .replace(/ {8}key: (?=.*\n {4}k8s:)/, '        key: hunter2')
      .replace('trustdinfo:', 'trusdinfo:');
    const read = readTalosSecrets({ file: 's.yaml', text });
    assert.ok(!read.ok);
    assert.ok(read.issues.some((issue) => issue.line === 5 && issue.text.includes('secrets.bootstraptoken')));
    assert.ok(read.issues.some((issue) => issue.text.includes('did you mean trustdinfo')));
    assert.ok(!read.issues.some((issue) => issue.text.includes('hunter2')), JSON.stringify(read.issues));
  });
});

describe('what a cluster hands its operator', () => {
  it('is a talosconfig with a client certificate of a year', async () => {
    const secrets = await made;
    const text = await talosconfig({ secrets, now: NOW, cluster: 'home', endpoints: ['192.0.2.1', '192.0.2.2'] });
    const { context, contexts } = parse(text) as {
      context: string;
      contexts: Record<string, { endpoints: string[]; ca: string; crt: string; key: string }>;
    };
    const home = contexts[context];
    assert.ok(home);
    assert.deepEqual(home.endpoints, ['192.0.2.1', '192.0.2.2']);
    const certificate = new X509Certificate(decoded(home.crt));
    assert.ok(certificate.verify(createPublicKey(decoded(home.ca))));
    assert.equal(certificate.subject, 'O=os:admin');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(certificate.validToDate.getTime(), NOW + YEAR_MS);
    assert.ok(decoded(home.key).startsWith('-----BEGIN ED25519 PRIVATE KEY-----'));
  });

  it('is a kubeconfig of an administrator, for as long as was asked', async () => {
    const secrets = await made;
    const text = await kubeconfig({
      secrets,
      now: NOW,
      lifetimeMs: 3600_000,
      cluster: 'home',
      endpoint: 'https://192.0.2.1:6443',
    });
    const { users, clusters } = parse(text) as {
      users: { user: Record<string, string> }[];
      clusters: { cluster: Record<string, string> }[];
    };
    const certificate = new X509Certificate(decoded(users[0]?.user['client-certificate-data'] ?? ''));
    assert.deepEqual(certificate.subject.split('\n'), ['O=system:masters', 'CN=admin']);
    assert.equal(certificate.validToDate.getTime(), NOW + 3600_000);
    assert.ok(certificate.verify(new X509Certificate(secrets.ca.kubernetes.crt).publicKey));
    assert.equal(clusters[0]?.cluster['server'], 'https://192.0.2.1:6443');
  });
});
