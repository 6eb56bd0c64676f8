import type { FastifyReply, FastifyRequest } from 'fastify';
import { MACHINE_SYSTEM_ROUTES } from '#machines/contract/api/machine-system-routes.ts';
import { makeProblem, type Problem } from '#machines/contract/api/problem.ts';
import type { QueryOf } from '#machines/contract/api/route.ts';
import { mayDo } from '#machines/decide/actions.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { type Handlers, notFound, problemAnswer, type ProblemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { endWithKey, SECURITY_HEADERS, sendProblem } from '../guard.ts';

const CALL_MS = 20_000;

type Parts = Pick<OperatorApiParts, 'registry' | 'system' | 'log'>;

/** Power by the system that runs on a machine. What ends what runs now is a power-off, whoever does it. */
export function machineSystemHandlers(
  { registry, system }: Parts,
  signal: AbortSignal,
): Pick<Handlers, 'rebootMachine' | 'shutdownMachine'> {
  async function command(name: string, what: 'reset' | 'soft'): Promise<ProblemAnswer | undefined> {
    const machine = registry.machine(name);
    if (!machine) return notFound(`machine ${name}`);
    const allowed = mayDo('power-off', machine);
    if (allowed.kind === 'refused') return problemAnswer('refused', { detail: allowed.because, next: allowed.next });
    const held = system.held(name);
    if (held) return problemAnswer('refused', { detail: held.because, next: held.next });
    if (!system.power.has(name)) return { kind: 'problem', problem: nobodyThere(name) };
    try {
      await system.power.command(name, what, AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]));
      return undefined;
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      const why = error.cause instanceof Error ? `: ${error.cause.message}` : '';
      return problemAnswer('refused', { detail: `${error.message}${why}`, next: `ingot power cycle ${name}` });
    }
  }

  return {
    async rebootMachine({ params: { name } }) {
      const problem = await command(name, 'reset');
      return problem ?? { kind: 'done', value: undefined, audit: { target: name, detail: 'restarted by its system' } };
    },
    async shutdownMachine({ params: { name } }) {
      const problem = await command(name, 'soft');
      return problem ?? { kind: 'done', value: undefined, audit: { target: name, detail: 'turned off by its system' } };
    },
  };
}

const nobodyThere = (name: string): Problem =>
  makeProblem('refused', {
    detail: `no agent runs on ${name}, and nothing else that Ingot can ask`,
    next: `ingot power cycle ${name}, or ingot inspect ${name} to start the agent; ingot trace ${name} has what was logged`,
  });

/** Answers `GET …/system/log`: to its end, or with `follow` until the client leaves. */
export function systemLogStream({
  access,
  registry,
  system,
  log,
  now,
  signal,
}: Parts & Pick<OperatorApiParts, 'access' | 'now'> & { readonly signal: AbortSignal }) {
  return async (request: FastifyRequest, reply: FastifyReply, caller: AccessKey, query: unknown): Promise<unknown> => {
    const { name = '' } = MACHINE_SYSTEM_ROUTES.readSystemLog.params.partial().parse(request.params);
    // It was read by the route's schema already.
    const { of, follow = false, tail = 0 } = query as QueryOf<typeof MACHINE_SYSTEM_ROUTES.readSystemLog>;
    if (!registry.machine(name)) {
      return sendProblem(reply, makeProblem('not-found', { detail: `there is no machine ${name}` }));
    }
    const agent = system.agents.of(name);
    if (!agent) return sendProblem(reply, nobodyThere(name));
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort(new Error('the client left')));
    endWithKey(reply.raw, caller, { access, now });
    const until = AbortSignal.any([signal, gone.signal]);
    let begun = false;
    try {
      using api = await system.agents.open(agent, until);
      const pieces =
        of === 'kernel'
          ? api.stream('/machine.MachineService/Dmesg', { follow, tail: false }, { signal: until })
          : api.stream('/machine.MachineService/Logs', { id: 'agent', follow, tail_lines: tail }, { signal: until });
      for await (const { bytes = new Uint8Array() } of pieces) {
        if (!begun) begin(reply);
        begun = true;
        // Who reads slowly is waited for, and the machine with it.
        if (!reply.raw.write(bytes)) await drained(reply.raw, until);
      }
    } catch (error) {
      if (!until.aborted && !(error instanceof MachineApiError)) throw error;
      if (!until.aborted && !begun) {
        const detail = error instanceof Error ? error.message : String(error);
        return sendProblem(reply, makeProblem('unavailable', { title: 'Its agent did not answer', detail }));
      }
      log.info({ err: error, machine: name }, 'the log of an agent broke off');
    }
    if (!begun) begin(reply);
    reply.raw.end();
    return undefined;
  };
}

function begin(reply: FastifyReply): void {
  reply.hijack();
  const { contentType } = MACHINE_SYSTEM_ROUTES.readSystemLog.answer;
  reply.raw.writeHead(200, { ...SECURITY_HEADERS, 'content-type': contentType, 'x-accel-buffering': 'no' });
  reply.raw.flushHeaders();
}

const drained = (raw: FastifyReply['raw'], signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    raw.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
