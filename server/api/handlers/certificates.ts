import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem } from '#machines/contract/api/problem.ts';
import { type CertificateSummary, signedCertificate } from '#machines/contract/certificate.ts';
import type { Job } from '#machines/contract/job.ts';
import { CERTIFICATE_STYLE, certificatePage } from '#services/certificates/certificate-page.ts';
import { CERTIFICATE_NOTE } from '../../jobs/erasure.ts';
import { type Handlers, notFound, WRONG_CURSOR } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { readLogCursor } from '../decide/log-cursor.ts';
import { sendProblem } from '../guard.ts';
import { logPage } from '../log-page.ts';
import { machineFilter } from '../machine-filter.ts';

type Parts = Pick<OperatorApiParts, 'jobs' | 'registry' | 'signer'>;

const missing = (id: string): string => `certificate of job ${id}: it erased nothing, or has not ended`;
/** The page holds its style, and nothing else may be loaded, run or sent by it. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(CERTIFICATE_STYLE).digest('base64')}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

type Names = 'listCertificates' | 'getCertificate' | 'getCertificateKey';

export function certificateHandlers({ jobs, registry, signer }: Parts): Pick<Handlers, Names> {
  return {
    async getCertificateKey() {
      return { kind: 'done', value: { algorithm: 'Ed25519', ...(await signer.publicKey()) } };
    },

    async listCertificates({ query }) {
      const { machine, limit, after, sort } = query;
      const from = after === undefined ? undefined : readLogCursor(after);
      if (after !== undefined && !from) return WRONG_CURSOR;
      const ofMachine = machineFilter(registry, query);
      const { items, ...rest } = await logPage({
        read: (position) =>
          jobs.list({ ...position, oldestFirst: sort === 'oldest', ...(machine === undefined ? {} : { machine }) }),
        cursorOf: ({ createdAt, id }: Job) => ({ before: createdAt, beforeId: id }),
        wanted: (one) => one.notes[CERTIFICATE_NOTE] !== undefined && (ofMachine?.(one.machine) ?? true),
        limit,
        from,
      });
      return { kind: 'done', value: { items: items.flatMap(summaryOf), ...rest } };
    },

    async getCertificate({ params: { id } }) {
      const signed = certificateOf(await jobs.get(id));
      return signed ? { kind: 'done', value: signed } : notFound(missing(id));
    },
  };
}

/** The same as a page for people. */
export function certificatePageHandler({ jobs }: Pick<Parts, 'jobs'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { id = '' } = request.params as Readonly<Record<string, string>>;
    const signed = certificateOf(await jobs.get(id));
    if (!signed) return sendProblem(reply, makeProblem('not-found', { detail: `there is no ${missing(id)}` }));
    return reply
      .header('content-security-policy', POLICY)
      .type('text/html; charset=utf-8')
      .send(certificatePage(signed));
  };
}

function certificateOf(job: Job | undefined) {
  const text = job?.notes[CERTIFICATE_NOTE];
  return text === undefined ? undefined : signedCertificate.parse(JSON.parse(text));
}

function summaryOf(job: Job): readonly CertificateSummary[] {
  const certificate = certificateOf(job)?.certificate;
  if (!certificate) return [];
  const { id, issuedAt, machine, erased, notErased, complete, approval } = certificate;
  return [
    {
      id,
      job: job.id,
      kind: job.kind,
      machine: machine.name,
      issuedAt,
      by: approval.by,
      erased: erased.length,
      notErased: notErased.length,
      complete,
      page: `/api/v1/jobs/${job.id}/certificate.html`,
    },
  ];
}
