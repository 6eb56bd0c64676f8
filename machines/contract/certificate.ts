import { z } from 'zod';
import { JOB_KINDS, WIPE_METHODS } from './job.ts';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });

/** What the agent found and did on one disk: its own words, read back from the medium. */
export const erasedDisk = z.object({
  name: z.string(),
  serial: z.string().optional(),
  wwn: z.string().optional(),
  model: z.string().optional(),
  bytes: z.number(),
  method: z.enum(WIPE_METHODS),
  /** The command that did it, or how the agent wrote. */
  tool: z.string(),
  /** NIST SP 800-88 Rev. 1 §2.5. */
  class: z.enum(['purge', 'clear']),
  startedAt: time,
  endedAt: time,
  readBack: z.object({
    /** Of the samples' places: anyone can read the same ones again. */
    seed: z.number(),
    samples: z.number(),
    sampleBytes: z.number(),
    notZero: z.number(),
    markerGone: z.boolean(),
  }),
});
export type ErasedDisk = z.output<typeof erasedDisk>;

/** What was erased, how, when, and who wanted it; and what was not erased. */
export const erasureCertificate = z
  .object({
    format: z.literal('ingot-erasure/1'),
    id: z.string(),
    issuedAt: time,
    site: z.string(),
    software: z.string(),
    machine: z.object({
      name: z.string(),
      identifiers: z.array(z.object({ kind: z.string(), value: z.string() })),
    }),
    job: z.object({ id: z.string(), kind: z.enum(JOB_KINDS), planDigest: z.string() }),
    approval: z.object({ by: z.string(), at: time, acknowledged: z.array(z.string()) }),
    erased: z.array(erasedDisk).min(1),
    /** Disks that the machine has and that still hold what they held, with the reason. */
    notErased: z.array(
      z.object({ name: z.string(), serial: z.string().optional(), wwn: z.string().optional(), because: z.string() }),
    ),
    /** Is everything erased that is known to be in the machine? */
    complete: z.boolean(),
  })
  .meta({ id: 'ErasureCertificate' });
export type ErasureCertificate = z.output<typeof erasureCertificate>;

/** The signature is Ed25519 (RFC 8032) over the canonical JSON of `certificate`. */
export const signedCertificate = z
  .object({
    certificate: erasureCertificate,
    signature: z.object({
      algorithm: z.literal('Ed25519'),
      /** SubjectPublicKeyInfo, PEM. */
      publicKey: z.string(),
      /** Base64. */
      value: z.string(),
    }),
  })
  .meta({ id: 'SignedErasureCertificate' });
/** The key by which this daemon signs; made with its first certificate, or when somebody asks. */
export const certificateKey = z
  .object({
    algorithm: z.literal('Ed25519'),
    publicKey: z.string().meta({ description: 'SubjectPublicKeyInfo, PEM' }),
    fingerprint: z.string().meta({ description: 'SHA-256 of it, hex' }),
  })
  .meta({ id: 'CertificateKey' });

/** One line of a list of certificates. */
export const certificateSummary = z
  .object({
    id: z.string(),
    job: z.string(),
    kind: z.enum(JOB_KINDS),
    machine: z.string(),
    issuedAt: time,
    /** Who approved. */
    by: z.string(),
    erased: z.int().meta({ description: 'disks' }),
    notErased: z.int().meta({ description: 'disks' }),
    complete: z.boolean(),
    page: z.string().meta({ description: 'path of the page for people' }),
  })
  .meta({ id: 'CertificateSummary' });
export type CertificateSummary = z.output<typeof certificateSummary>;
export type SignedCertificate = z.output<typeof signedCertificate>;
