import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem } from '#machines/contract/api/problem.ts';
import { AGENT_FILES } from '#machines/contract/api/image-resource.ts';
import { agentFiles, placeAgentFiles } from '#services/images/agent-image-files.ts';
import { lookAtFile } from '#services/images/blob.ts';
import { respond } from '../../http/respond.ts';
import { type Handlers, problemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { SECURITY_HEADERS, sendProblem } from '../guard.ts';

type Parts = Pick<OperatorApiParts, 'images' | 'agentDir' | 'log'>;

/** The agent's image is code that every machine runs which is inspected, installed or erased. */
export function agentImageHandlers({
  images,
  agentDir: dir,
}: Parts): Pick<Handlers, 'getAgentImage' | 'addAgentImage'> {
  return {
    async getAgentImage() {
      return { kind: 'done', value: { files: [...(await agentFiles(dir))] } };
    },
    async addAgentImage({ body: { files } }) {
      const wrong = await placeAgentFiles({ dir, uploads: images.dir, files });
      if (wrong !== undefined) return problemAnswer('invalid', { detail: wrong });
      const detail = files.map(({ name, sha256 }) => `${name} ${sha256}`).join(', ');
      return {
        kind: 'done',
        value: { files: [...(await agentFiles(dir))] },
        audit: { target: 'agent image', detail },
      };
    },
  };
}

export function agentFileStream({ images, agentDir, log }: Parts) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { name = '' } = request.params as Readonly<Record<string, string>>;
    const known = AGENT_FILES.find((one) => one === name);
    const found = known && (await lookAtFile(join(agentDir, known)));
    if (found?.kind !== 'found') {
      return sendProblem(reply, makeProblem('not-found', { detail: `there is no ${name} of the agent’s image` }));
    }
    reply.hijack();
    for (const [header, value] of Object.entries(SECURITY_HEADERS)) reply.raw.setHeader(header, value);
    await respond({
      request: request.raw,
      response: reply.raw,
      answer: { kind: 'blob', role: 'other', blob: found.blob, contentType: 'application/octet-stream' },
      chunks: images.chunks,
      log,
    });
    return undefined;
  };
}
