import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ProfileDocument } from '#machines/contract/documents.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { CONFIG_ROOT, type ConfigItem, resolveConfigPath } from '#machines/decide/config-path.ts';
import { logText } from '#machines/values/escape.ts';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import type { Holding } from '#services/boot-tokens/decide/boot-key.ts';
import type { Metadata, Served } from '#services/metadata/contract.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { AuditEntry } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import { formatListen } from '../config/schema.ts';
import { sourceRates } from '../logs/source-rates.ts';
import { windowOf } from './decide/metadata-window.ts';
import { toldRefusals } from './told-refusals.ts';

export type MetadataParts = {
  readonly tokens: Pick<BootTokens, 'use'>;
  readonly metadata: Metadata;
  readonly registry: Pick<Registry, 'machineByMac' | 'profile'>;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly holding: (address: IpAddress) => Holding;
  /** What this attempt of a machine may netboot now. */
  readonly planOf: (machine: Machine, attempt: string, address: IpAddress) => BootPlan;
  readonly jobsOf: (machine: string) => readonly Job[];
  /** Durable when it resolves: what is not written down is not served. */
  readonly audit: (entry: Omit<AuditEntry, 'at'>) => Promise<void>;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly now: () => number;
};

/** A boot reads some dozens of files, twice or three times; a whole rack may stand behind one address. */
const RATE = { burst: 500, perSecond: 50, sources: 20_000 } as const;
/** Headers by which a proxy says for whom it asks. There is no proxy between a machine and its daemon. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'x-client-ip', 'via'] as const;

type Answer =
  | { readonly kind: 'served'; readonly served: Served }
  | { readonly kind: 'refused'; readonly because: string };

/**
 * The configuration of machines, in plain HTTP: `/m/TOKEN/…` (machines/decide/config-path.ts). Whatever is unknown,
 * forbidden, spent, or not there gets the same 404, and a line in the audit log that says why; each read gets one too.
 */
export function addMetadataRoutes(app: FastifyInstance, parts: MetadataParts): void {
  const { log, now, audit, recorder } = parts;
  const rates = sourceRates(RATE);
  const refusals = toldRefusals(now);

  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const peer = addressOf(request.socket.remoteAddress);
    if (!peer) return reply.hijack().raw.destroy();
    if (!rates.admit(peer, now()).admitted)
      return reply.code(429).header('retry-after', '1').send({ title: 'too often' });
    const answer = await answerTo(request, peer, parts);
    if (answer.kind === 'refused') {
      const more = refusals(peer);
      if (more !== undefined) {
        await audit({
          who: peer,
          action: 'config refused',
          target: shownPath(request.url),
          detail: `${answer.because}${more}`,
        });
        log.warn({ peer, because: answer.because }, 'configuration was refused');
      }
      return reply.code(404).send(NOT_FOUND);
    }
    const { contentType, body } = answer.served;
    return reply
      .code(200)
      .header('cache-control', 'no-store')
      .header('content-type', contentType)
      .send(Buffer.from(body));
  };

  app.route({ method: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], url: `/${CONFIG_ROOT}/*`, handler });
  app.route({ method: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], url: `/${CONFIG_ROOT}`, handler });

  async function answerTo(request: FastifyRequest, peer: IpAddress, { tokens }: MetadataParts): Promise<Answer> {
    const asked = resolveConfigPath(request.method, request.url);
    if (!asked) return refused('no such path');
    const proxied = PROXY_HEADERS.find((name) => request.headers[name] !== undefined);
    if (proxied !== undefined) return refused(`it came through a proxy (${proxied})`);
    const holding = parts.holding(peer);
    const used = await tokens.use({
      token: asked.token,
      address: peer,
      holding,
      isOwn: (mac, own) => isSameMachine(mac, own, parts.registry),
    });
    if (used.kind === 'unknown') return refused('no boot has such a token');
    const { attempt } = used;
    if (used.kind !== 'taken') {
      recorder.record({ attempt }, { kind: 'boot-token', act: used.kind, because: used.because });
      return refused(`boot ${attempt}: ${used.because}`);
    }
    const machine = parts.registry.machineByMac(used.mac);
    const read = machine
      ? await readFor(machine, { ...asked, attempt, peer, holding, socket: request.socket })
      : refused(`no machine has ${used.mac} any more`);
    const { path } = asked;
    if (read.kind === 'refused') {
      recorder.record({ attempt }, { kind: 'boot-token', act: 'refused', because: `${path}: ${read.because}` });
      return refused(`boot ${attempt}, ${path}: ${read.because}`);
    }
    recorder.record({ attempt, address: peer }, { kind: 'boot-token', act: 'taken', because: `${path}, at ${peer}` });
    await audit({
      who: machine?.document.name ?? '',
      action: 'config read',
      target: path,
      detail: `boot ${attempt}, ${peer}`,
    });
    return read;
  }

  async function readFor(
    machine: Machine,
    asked: {
      readonly item: ConfigItem;
      readonly attempt: string;
      readonly peer: IpAddress;
      readonly holding: Holding;
      readonly socket: FastifyRequest['socket'];
    },
  ): Promise<Answer> {
    const { item, attempt, peer, holding, socket } = asked;
    const { name } = machine.document;
    const window = windowOf({
      machine,
      plan: parts.planOf(machine, attempt, peer),
      jobs: parts.jobsOf(name),
      profile: (of) => parts.registry.profile(of),
    });
    if (window.kind === 'closed') return refused(window.because);
    const { profile, job } = window;
    // By the address that it has reached us by; what it says as Host is its own affair.
    const local = addressOf(socket.localAddress) ?? peer;
    const reportUrl = `http://${formatListen({ address: local, port: socket.localPort ?? 80 })}/report/${attempt}`;
    const result = await parts.metadata.read(item, { machine, profile, job, attempt, address: peer, reportUrl });
    if (result.kind === 'none') return refused(result.because);
    const against = result.secrets === 'control-plane' ? whyNoSecrets(profile, holding) : undefined;
    return against === undefined ? { kind: 'served', served: result } : refused(against);
  }
}

/** The answer for all that is not served, also for paths that nobody has. */
export const NOT_FOUND = { title: 'not found' } as const;

/** Routed, without a lease or a pin, nobody knows who reads: then not even where the profile allows it. */
function whyNoSecrets({ name, plainSecrets }: ProfileDocument, { kind, mac }: Holding): string | undefined {
  if (!plainSecrets) {
    return `secrets of a control plane do not go in plain HTTP; profile ${name} may say plainSecrets: true`;
  }
  return kind === 'elsewhere' && mac === undefined ? 'nobody knows which machine has that address' : undefined;
}

function isSameMachine(mac: MacAddress, own: MacAddress, { machineByMac }: MetadataParts['registry']): boolean {
  const machine = machineByMac(own);
  return mac === own || (machine !== undefined && machineByMac(mac)?.document.name === machine.document.name);
}

const refused = (because: string): Answer => ({ kind: 'refused', because });

/** Without what may be a token: the log must not hold one. */
const shownPath = (target: string): string => logText(target.replaceAll(/ingot_[A-Za-z0-9_-]+/g, 'ingot_***'));

/** An IPv4 peer of a dual-stack socket is written `::ffff:192.0.2.1`; a link-local one has its interface after it. */
function addressOf(text: string | undefined): IpAddress | undefined {
  const result = parseIpAddress((text ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, ''));
  return result.ok ? result.value : undefined;
}
