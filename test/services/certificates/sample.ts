import { generateKeyPairSync } from 'node:crypto';
import type { ErasureCertificate } from '#machines/contract/certificate.ts';
import { signCertificate } from '#services/certificates/sign.ts';

const { privateKey } = generateKeyPairSync('ed25519');

/** A certificate of one disk, signed by a key of this process. */
export const sampleCertificate = (more: Partial<ErasureCertificate> = {}) =>
  signCertificate(
    {
      format: 'ingot-erasure/1',
      id: 'c1',
      issuedAt: Date.UTC(2026, 10, 28),
      site: 'home',
      software: 'ingot',
      machine: { name: 'r1', identifiers: [{ kind: 'serial', value: 'SN-1' }] },
      job: { id: 'j1', kind: 'wipe', planDigest: 'd'.repeat(64) },
      approval: { by: 'anna', at: Date.UTC(2026, 10, 27), acknowledged: ['S-sda'] },
      erased: [
        {
          name: 'sda',
          serial: 'D1',
          wwn: 'naa.5000c500a1b2c3d4',
          model: 'PM9A3',
          bytes: 480_103_981_056,
          method: 'zero-overwrite',
          tool: 'zeros, written by the agent',
          class: 'clear',
          startedAt: 0,
          endedAt: 60_000,
          readBack: { seed: 7, samples: 1000, sampleBytes: 1 << 20, notZero: 0, markerGone: true },
        },
      ],
      notErased: [],
      complete: true,
      ...more,
    },
    privateKey,
  );
