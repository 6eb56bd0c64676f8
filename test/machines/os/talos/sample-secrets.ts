import type { KeyedPem, TalosSecrets } from '#machines/os/talos/secrets.ts';

const sample = (name: string): KeyedPem => ({
  crt: `-----BEGIN CERTIFICATE-----\nYSBjZXJ0aWZpY2F0ZSBv${name}\n-----END CERTIFICATE-----\n`,
  key: `-----BEGIN EC PRIVATE KEY-----\na2V5IG9m${name}\n-----END EC PRIVATE KEY-----\n`,
});

/** Of the right form, and of no use: nothing is signed by these. */
export const SECRETS: TalosSecrets = {
  cluster: { id: 'aWQ=', secret: 'c2VjcmV0' },
  bootstrapToken: 'abcdef.0123456789abcdef',
  machineToken: 'fedcba.fedcba9876543210',
  etcdEncryption: { kind: 'secretbox', key: 'ZW5jcnlwdGlvbg==' },
  ca: {
    machine: sample('machine'),
    etcd: sample('etcd'),
    kubernetes: sample('kube'),
    aggregator: sample('aggr'),
  },
  serviceAccountKey: '-----BEGIN RSA PRIVATE KEY-----\ncnNh\n-----END RSA PRIVATE KEY-----\n',
};
