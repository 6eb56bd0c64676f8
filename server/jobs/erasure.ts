import { erasedDisk, type ErasureCertificate } from '#machines/contract/certificate.ts';
import type { Job, Plan } from '#machines/contract/job.ts';
import { VERSION } from '#machines/contract/version.ts';
import type { CertificateSigner } from '#services/certificates/signer.ts';
import type { StepContext } from '#services/jobs/contract.ts';

/** Under this note a job keeps its signed certificate, as JSON. */
export const CERTIFICATE_NOTE = 'certificate';

/** Writes down what an erasure came to, signed; gives the line that the step ends with. */
export function erasureKeeper(parts: {
  readonly signer: CertificateSigner;
  readonly site: string;
  readonly now: () => number;
  readonly newId: () => string;
}) {
  return async (context: StepContext, plan: Plan, results: readonly unknown[]): Promise<string> => {
    const certificate = certificateFor(context.job(), plan, results, parts);
    await context.note(CERTIFICATE_NOTE, JSON.stringify(await parts.signer.sign(certificate)));
    const { erased, notErased } = certificate;
    const rest = notErased.length === 0 ? '' : `; ${notErased.length} left as they were`;
    return `${erased.length} ${erased.length === 1 ? 'disk' : 'disks'} erased${rest}; ingot certificate show ${context.job().id}`;
  };
}

function certificateFor(
  { id, kind, confirmed }: Job,
  plan: Plan,
  results: readonly unknown[],
  { site, now, newId }: { readonly site: string; readonly now: () => number; readonly newId: () => string },
): ErasureCertificate {
  if (!confirmed) throw new Error('nobody confirmed the plan of what was erased');
  const erased = results.map((one) => erasedDisk.parse(one));
  const names = (disk: {
    readonly serial?: string | undefined;
    readonly wwn?: string | undefined;
    readonly name: string;
  }) => disk.serial ?? disk.wwn ?? disk.name;
  const done = new Set(erased.map(names));
  const notErased = plan.disks
    .filter((disk) => !done.has(names(disk)))
    .map(({ name, serial, wwn, because }) => ({
      name,
      because,
      ...(serial === undefined ? {} : { serial }),
      ...(wwn === undefined ? {} : { wwn }),
    }));
  return {
    format: 'ingot-erasure/1',
    id: newId(),
    issuedAt: now(),
    site,
    software: `ingot ${VERSION}`,
    machine: { name: plan.machine, identifiers: plan.identifiers },
    job: { id, kind, planDigest: plan.digest },
    approval: { by: confirmed.by, at: confirmed.at, acknowledged: confirmed.said },
    erased,
    notErased,
    complete: notErased.length === 0,
  };
}
