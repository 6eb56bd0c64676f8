import { z } from 'zod';
import { yamlText } from './yaml-text.ts';

/** PEM. An ed25519 key has the label that Talos writes, `ED25519 PRIVATE KEY`. */
export type KeyedPem = { readonly crt: string; readonly key: string };

/** All that the machines of one cluster share and nobody else may know. */
export type TalosSecrets = {
  readonly cluster: {
    /** Public by nature: it is what discovery knows the cluster by. 32 bytes in base64. */
    readonly id: string;
    /** Encrypts what discovery is told. 32 bytes in base64. */
    readonly secret: string;
  };
  /** Joins nodes to Kubernetes. */
  readonly bootstrapToken: string;
  /** Joins machines to trustd. */
  readonly machineToken: string;
  /** Encrypts secrets in etcd. 32 bytes in base64; clusters from before Talos 1.3 have the other kind. */
  readonly etcdEncryption: { readonly kind: 'secretbox' | 'aescbc'; readonly key: string };
  readonly ca: {
    /** Of the machine API. */
    readonly machine: KeyedPem;
    readonly etcd: KeyedPem;
    readonly kubernetes: KeyedPem;
    readonly aggregator: KeyedPem;
  };
  /** Signs service account tokens. PEM. */
  readonly serviceAccountKey: string;
};

/** The form of a bootstrap token of Kubernetes; a machine token has it too. */
export const TOKEN_FORM = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;

const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?$/;

const base64Key = z.string().min(1).regex(BASE64, 'want base64');
const token = z.string().regex(TOKEN_FORM, 'want 6 letters or digits, a dot and 16 more');
const pem = (label: RegExp) =>
  z.string().transform((text, context): string => {
    const decoded = BASE64.test(text) && !/[-_]/.test(text) ? atob(text) : '';
    if (decoded.startsWith('-----BEGIN ') && label.test(decoded)) return decoded;
    context.addIssue({ code: 'custom', message: `want base64 of PEM`, input: '***' });
    return z.NEVER;
  });
const certificate = pem(/^-----BEGIN CERTIFICATE-----/);
const privateKey = pem(/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/);
const keyed = z.strictObject({ crt: certificate, key: privateKey });

/** What `talosctl gen secrets` writes and reads; keys are all in lower case there. */
export const secretsBundle = z
  .strictObject({
    cluster: z.strictObject({ id: base64Key, secret: base64Key }),
    secrets: z.strictObject({
      bootstraptoken: token,
      secretboxencryptionsecret: base64Key.optional(),
      aescbcencryptionsecret: base64Key.optional(),
    }),
    trustdinfo: z.strictObject({ token }),
    certs: z.strictObject({
      etcd: keyed,
      k8s: keyed,
      k8saggregator: keyed,
      k8sserviceaccount: z.strictObject({ key: privateKey }),
      os: keyed,
    }),
  })
  .transform((bundle, context): TalosSecrets => {
    const { secretboxencryptionsecret: secretbox, aescbcencryptionsecret: aescbc, bootstraptoken } = bundle.secrets;
    if ((secretbox === undefined) === (aescbc === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['secrets'],
        message: 'want one of secretboxencryptionsecret and aescbcencryptionsecret',
      });
      return z.NEVER;
    }
    return {
      cluster: bundle.cluster,
      bootstrapToken: bootstraptoken,
      machineToken: bundle.trustdinfo.token,
      etcdEncryption:
        secretbox === undefined ? { kind: 'aescbc', key: aescbc ?? '' } : { kind: 'secretbox', key: secretbox },
      ca: {
        machine: bundle.certs.os,
        etcd: bundle.certs.etcd,
        kubernetes: bundle.certs.k8s,
        aggregator: bundle.certs.k8saggregator,
      },
      serviceAccountKey: bundle.certs.k8sserviceaccount.key,
    };
  });

/** As `talosctl gen secrets` writes it. */
export function secretsYaml(secrets: TalosSecrets): string {
  const { cluster, ca, etcdEncryption } = secrets;
  return yamlText({
    cluster: { id: cluster.id, secret: cluster.secret },
    secrets: {
      bootstraptoken: secrets.bootstrapToken,
      [etcdEncryption.kind === 'secretbox' ? 'secretboxencryptionsecret' : 'aescbcencryptionsecret']:
        etcdEncryption.key,
    },
    trustdinfo: { token: secrets.machineToken },
    certs: {
      etcd: encoded(ca.etcd),
      k8s: encoded(ca.kubernetes),
      k8saggregator: encoded(ca.aggregator),
      k8sserviceaccount: { key: btoa(secrets.serviceAccountKey) },
      os: encoded(ca.machine),
    },
  });
}

/** Base64 of PEM, as v1alpha1 and the bundle have it. */
export const encoded = ({ crt, key }: KeyedPem): { readonly crt: string; readonly key: string } => ({
  crt: btoa(crt),
  key: btoa(key),
});
