import type { FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem, type ProblemCode } from '#machines/contract/api/problem.ts';
import { parseCidr4 } from '#machines/values/cidr.ts';
import { BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { afterRefusal } from '#services/bmc/decide/after-refusal.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { VaultError } from '#services/vault/vault-error.ts';
import type { BmcService } from '../../bmc/contract.ts';
import { type Handlers, invalid, notFound, problemAnswer, type ProblemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { endWithKey, SECURITY_HEADERS, sendProblem } from '../guard.ts';

type Names =
  | 'listPower'
  | 'getPower'
  | 'setPower'
  | 'getPowerOperation'
  | 'listPersonAsks'
  | 'answerPersonAsk'
  | 'listBmcs'
  | 'getMachineBmc'
  | 'pinBmc'
  | 'identifyMachine'
  | 'readBmcInventory'
  | 'listBmcEvents'
  | 'rotateBmc'
  | 'discoverBmcs'
  | 'tryBmcs'
  | 'listBmcQuirks'
  | 'importBmcQuirks'
  | 'typeIntoConsole';

/** How long a client is kept waiting for news of a power action; proxies give up after thirty. */
const WAIT_MS = 25_000;
/** What is asked of a BMC while a person waits. */
const ASK_MS = 240_000;

export function bmcHandlers(
  { bmc, registry, now }: Pick<OperatorApiParts, 'bmc' | 'registry' | 'now'>,
  signal: AbortSignal,
): Pick<Handlers, Names> {
  const within = (ms: number): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(ms)]);

  /** A BMC that does not do what it is asked is no failure of ours. */
  async function asked<T>(machine: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T | ProblemAnswer> {
    try {
      return await ask(within(ASK_MS));
    } catch (error) {
      return bmcProblem(error, machine);
    }
  }
  const isProblem = (answer: unknown): answer is ProblemAnswer =>
    typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'problem';
  const unknown = (name: string): ProblemAnswer | undefined =>
    registry.machine(name) ? undefined : notFound(`machine ${name}`);

  return {
    listPower: () => ({ kind: 'done', value: { items: [...bmc.poller.readings()] } }),

    async getPower({ params: { name } }) {
      const reading = unknown(name) ?? (await asked(name, (inner) => bmc.read(name, inner)));
      return isProblem(reading) ? reading : { kind: 'done', value: reading };
    },

    setPower({ params: { name }, body, caller }) {
      const missing = unknown(name);
      if (missing) return missing;
      const { action, boot, force, unproven } = body;
      const started = bmc.operations.start({
        machine: name,
        action,
        ...(boot ? { boot: { device: boot.device, ...(boot.mode === undefined ? {} : { mode: boot.mode }) } } : {}),
        ...(force === undefined ? {} : { force }),
        ...(unproven === undefined ? {} : { unproven }),
        by: caller.name,
      });
      if ('refusal' in started) {
        return problemAnswer('refused', { detail: started.refusal.because, next: started.refusal.next });
      }
      const detail = [
        action,
        boot && `boot ${boot.device}`,
        force === true && 'forced',
        unproven === true && 'unproven BMC',
      ];
      return {
        kind: 'done',
        status: 201,
        value: started.operation,
        audit: { target: name, detail: `power ${detail.filter(Boolean).join(', ')}` },
      };
    },

    async getPowerOperation({ params: { id }, query: { seen } }) {
      const operation =
        seen === undefined ? bmc.operations.get(id) : await bmc.operations.after(id, seen, WAIT_MS, signal);
      return operation ? { kind: 'done', value: operation } : notFound(`power operation ${id}`);
    },

    listPersonAsks: () => ({ kind: 'done', value: { items: bmc.asks.pending().map(written) } }),

    answerPersonAsk({ params: { name }, body: { did }, caller }) {
      const ask = bmc.asks.answer(name, { did, by: caller.name });
      if (!ask) return notFound(`open question about machine ${name}`);
      return {
        kind: 'done',
        value: written(ask),
        audit: { target: name, detail: `power ${ask.wanted} by hand: ${did ? 'done' : 'not done'}` },
      };
    },

    listBmcs: async () => ({ kind: 'done', value: { items: [...(await bmc.list())] } }),

    async getMachineBmc({ params: { name } }) {
      const shown = await bmc.show(name, within(ASK_MS));
      return shown ? { kind: 'done', value: shown } : notFound(`machine ${name}`);
    },

    async pinBmc({ params: { name }, body: { sha256 } }) {
      const result = unknown(name) ?? (await asked(name, (inner) => bmc.pin(name, sha256, inner)));
      if (isProblem(result)) return result;
      return {
        kind: 'done',
        value: result,
        audit: result.changed ? { target: name, detail: `certificate ${sha256 ?? ''}` } : 'nothing-changed',
      };
    },

    async identifyMachine({ params: { name }, body: { seconds } }) {
      const result = unknown(name) ?? (await asked(name, (inner) => bmc.identify(name, seconds, inner)));
      if (isProblem(result)) return result;
      return { kind: 'done', value: undefined, audit: { target: name, detail: `locate light ${seconds} s` } };
    },

    async readBmcInventory({ params: { name } }) {
      const result = unknown(name) ?? (await asked(name, (inner) => bmc.inventory(name, inner)));
      return isProblem(result) ? result : { kind: 'done', value: result, audit: 'nothing-changed' };
    },

    async listBmcEvents({ params: { name } }) {
      const result = unknown(name) ?? (await asked(name, (inner) => bmc.events(name, inner)));
      return isProblem(result) ? result : { kind: 'done', value: { items: [...result] } };
    },

    async rotateBmc({ params: { name } }) {
      const result = unknown(name) ?? (await asked(name, (inner) => bmc.rotate(name, inner)));
      if (isProblem(result)) return result;
      const { address, username } = result;
      const text = `${address} has a password of its own for ${username}, and the old one is forgotten`;
      return {
        kind: 'done',
        value: { address, username, rotatedAt: now(), text },
        audit: { target: name, detail: `password of ${username} at ${address} rotated` },
      };
    },

    async discoverBmcs({ body: { cidr, ports } }) {
      const parsed = parseCidr4(cidr);
      if (!parsed.ok) return invalid({ in: 'body', path: 'cidr', text: parsed.because });
      const result = await asked(cidr, (inner) => bmc.discover(parsed.value, ports, inner));
      if (isProblem(result)) return result;
      return {
        kind: 'done',
        value: { asked: result.asked, items: [...result.items] },
        audit: { target: cidr, detail: `${result.items.length} found at ${result.asked} addresses` },
      };
    },

    async tryBmcs({ body: { credential, rack, bmcs } }) {
      const wanted = bmcs.map(({ address, type, sha256 }) => ({
        address,
        type,
        ...(sha256 === undefined ? {} : { sha256 }),
      }));
      const result = await asked(credential, (inner) => bmc.attempt({ credential, rack, bmcs: wanted }, inner));
      if (isProblem(result)) return result;
      const items = result.map(({ like, identity, ...one }) => ({
        ...one,
        ...(identity ? { identity } : {}),
        ...(like ? { like: like.map(({ machine, by }) => ({ machine, by: [...by] })) } : {}),
      }));
      const opened = result.filter(({ outcome }) => outcome === 'opened').length;
      return {
        kind: 'done',
        value: { items },
        audit: { target: credential, detail: `tried at ${bmcs.length} BMCs, ${opened} opened` },
      };
    },

    listBmcQuirks: () => ({ kind: 'done', value: { items: [...bmc.quirks()] } }),

    async importBmcQuirks({ body: { items } }) {
      const kept = await bmc.importQuirks(items);
      return { kind: 'done', value: { kept }, audit: { target: `${kept} models`, detail: 'quirks of BMCs imported' } };
    },

    async typeIntoConsole({ params: { id }, body }) {
      const open = bmc.consoles.get(id);
      if (!open) return notFound(`open console ${id}`);
      try {
        await open.write(body);
        return { kind: 'done', value: undefined, audit: 'nothing-changed' };
      } catch (error) {
        return bmcProblem(error, open.machine);
      }
    },
  };
}

/** Answers `POST …/console`: open until the client leaves, its key is void, the BMC ends it, or the daemon does. */
export function consoleStream({
  access,
  bmc,
  audit,
  log,
  now,
  signal,
}: Pick<OperatorApiParts, 'access' | 'bmc' | 'audit' | 'log' | 'now'> & { readonly signal: AbortSignal }) {
  return async (request: FastifyRequest, reply: FastifyReply, caller: AccessKey): Promise<unknown> => {
    const { name } = request.params as { readonly name: string };
    const of = bmc.power.bmcOf(name);
    if (!of) return sendProblem(reply, makeProblem('not-found', { detail: `there is no machine ${name}` }));
    const gone = new AbortController();
    const leave = (): void => gone.abort(new Error('the client left'));
    reply.raw.once('close', leave);
    endWithKey(reply.raw, caller, { access, now });
    const until = AbortSignal.any([signal, gone.signal]);
    let opened: Awaited<ReturnType<BmcService['consoles']['open']>>;
    try {
      opened = await bmc.consoles.open(of, caller.name, until);
    } catch (error) {
      if (gone.signal.aborted) return reply.hijack();
      return sendProblem(reply, bmcProblem(error, name).problem);
    }
    await using console = opened;
    await audit.append({ at: now(), who: caller.name, action: 'openConsole', target: name, detail: '' });
    log.info({ who: caller.name, machine: name }, 'a console is open');
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': 'application/octet-stream',
      'x-accel-buffering': 'no',
      'ingot-console': console.id,
    });
    raw.flushHeaders();
    try {
      for await (const bytes of console.output) {
        if (until.aborted) break;
        // Who reads slowly is waited for; the BMC holds back what it has.
        if (!raw.write(bytes)) await drained(raw, until);
      }
    } catch (error) {
      if (!until.aborted) log.warn({ err: error, machine: name }, 'a console broke');
    } finally {
      raw.end();
    }
    return undefined;
  };
}

const drained = (raw: FastifyReply['raw'], signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    raw.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const written = ({ boot, ...ask }: ReturnType<BmcService['asks']['pending']>[number]) => ({
  ...ask,
  ...(boot ? { boot: { ...boot } } : {}),
});

const PROBLEM_OF: Readonly<Partial<Record<BmcErrorCode, ProblemCode>>> = {
  refused: 'refused',
  'not-supported': 'refused',
  licence: 'refused',
};

function bmcProblem(error: unknown, machine: string): ProblemAnswer {
  if (error instanceof BmcError) {
    return problemAnswer(PROBLEM_OF[error.code] ?? 'unavailable', {
      title: `Its BMC: ${error.code}`,
      detail: error.message,
      next: afterRefusal(error.code, machine),
    });
  }
  if (error instanceof VaultError) {
    return problemAnswer('unavailable', { title: 'A secret cannot be read', detail: error.message });
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return problemAnswer('unavailable', { title: 'Its BMC: timeout', detail: 'it was not done in time' });
  }
  throw error;
}
