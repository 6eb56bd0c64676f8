import type { z } from 'zod';
import {
  type AgentCertificate,
  agentCertificateRequest,
  type AgentOrders,
  agentInventory,
  agentLogs,
  agentRegistration,
  agentStatus,
  type AgentStatus,
  type AgentWelcome,
} from '#machines/contract/agent.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { factsOf, inspectionOf } from '#machines/decide/inspection.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import type { BootSession } from '#services/boot-tokens/boot-tokens.ts';
import type { Blob } from '#services/images/contract.ts';
import type { AgentPlaneParts } from './contract.ts';
import { ordersFor } from './decide/orders.ts';
import { toldRefusals } from './told-refusals.ts';

/** Three of them and some are what LiveAgents waits for. */
const HEARTBEAT_SECONDS = 10;
const MAX_SESSIONS = 10_000;
const OBSERVED_MS = 60_000;

export type AgentAnswer =
  /** The same for whatever is unknown, spent, expired or another’s. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong'; readonly because: string }
  | { readonly kind: 'noted' }
  | { readonly kind: 'json'; readonly value: AgentWelcome | AgentOrders | AgentCertificate }
  | { readonly kind: 'blob'; readonly blob: Blob };

export type AgentCall = {
  /** What stands behind `Bearer`. */
  readonly credential: string;
  readonly peer: IpAddress;
  readonly body: unknown;
};

const UNKNOWN: AgentAnswer = { kind: 'unknown' };
const NOTED: AgentAnswer = { kind: 'noted' };

/** What agents call, from the call to its answer. Rejects only for a broken promise of ours (store gone, bug). */
export function agentCalls(parts: AgentPlaneParts) {
  const { tokens, authority, registry, agents, recorder, log, now } = parts;
  const refusals = toldRefusals(now);
  /** What this process has seen of each attempt. */
  const seen = new Map<
    string,
    { since: number; observedAt: number; hasInventory: boolean; stage: AgentStatus['stage'] | undefined }
  >();

  function seenOf(attempt: string) {
    const before = seen.get(attempt);
    if (before) return before;
    const first = { since: now(), observedAt: now(), hasInventory: false, stage: undefined };
    seen.set(attempt, first);
    const oldest = seen.size > MAX_SESSIONS ? seen.keys().next() : undefined;
    if (oldest?.done === false) seen.delete(oldest.value);
    return first;
  }

  /** Cards of one machine, or the same card where there is no machine yet. */
  const isOwn = (mac: MacAddress, own: MacAddress): boolean => {
    const machine = registry.machineByMac(own);
    return (
      mac === own || (machine !== undefined && registry.machineByMac(mac)?.document.name === machine.document.name)
    );
  };

  /** The session and its machine, by the name that it has now. A sign of life. */
  function held({ credential, peer }: AgentCall): { session: BootSession; machine: Machine } | undefined {
    const session = tokens.session(credential, peer);
    const machine = session && registry.machineByMac(session.mac);
    if (!session || !machine) return undefined;
    const { name } = machine.document;
    const { attempt, address, port } = session;
    // This process was started while the agent was there, or the machine has another name since.
    if (agents.of(name)?.attempt !== attempt) {
      agents.registered({ machine: name, attempt, address, port, registeredAt: now() });
    } else agents.heard(name, attempt);
    return { session, machine };
  }

  return {
    async register({ credential, peer, body }: AgentCall): Promise<AgentAnswer> {
      const read = agentRegistration.safeParse(body);
      if (!read.success) return wrong(read.error);
      const { attempt, csr, port, version, bootMac, uuid, serial } = read.data;
      const presented = await tokens.present({
        token: credential,
        attempt,
        address: peer,
        port,
        holding: parts.holding(peer),
        isOwn,
      });
      if (presented.kind === 'unknown') {
        const more = refusals(peer);
        if (more !== undefined) {
          const detail = `it is no token of this boot, or its time is over${more}`;
          parts.audit({ who: peer, action: 'boot token refused', target: attempt, detail });
        }
        return UNKNOWN;
      }
      if (presented.kind !== 'opened') {
        const { kind, because } = presented;
        log.warn({ attempt, peer, because }, 'a boot token was not taken');
        recorder.record({ attempt }, { kind: 'boot-token', act: kind, because });
        parts.audit({ who: peer, action: `boot token ${kind}`, target: attempt, detail: because });
        return UNKNOWN;
      }
      const { mac } = presented.of;
      const shownUuid = parseUuid(uuid ?? '');
      const machine = registry.observe({
        mac,
        ...(shownUuid.ok ? { uuid: shownUuid.value } : {}),
        ...(serial === undefined ? {} : { serial }),
        facts: {},
        source: 'agent',
        at: now(),
      });
      if (!machine) {
        log.warn({ attempt, mac }, 'an agent registered, and there is no room for another unknown machine');
        return UNKNOWN;
      }
      const { name } = machine.document;
      // The address that it speaks from and no other: a certificate for an address is a machine that can stand in for
      // whoever has it.
      const signed = await authority.signAgentCsr(csr, { machine: name, addresses: [peer] });
      if (signed.kind === 'refused') return { kind: 'wrong', because: `csr: ${signed.because}` };
      seen.delete(attempt);
      seenOf(attempt);
      const boot = parseMacAddress(bootMac);
      if (!boot.ok || !isOwn(boot.value, mac)) log.warn({ machine: name, mac, bootMac }, 'it booted by another card');
      recorder.record(
        { attempt, address: peer },
        { kind: 'boot-token', act: 'taken', because: `by ${name} at ${peer}` },
      );
      recorder.record(
        { attempt, address: peer },
        { kind: 'reported', by: 'agent', text: `agent ${version} registered` },
      );
      parts.audit({ who: name, action: 'boot token taken', target: attempt, detail: peer });
      log.info({ machine: name, attempt, address: peer }, 'an agent registered');
      // It can serve nothing before it has this certificate: whoever waits for it hears of it with its first call.
      if (agents.of(name)?.attempt === attempt) {
        agents.registered({ machine: name, attempt, address: peer, port, registeredAt: now() });
      }
      const welcome: AgentWelcome = {
        machine: name,
        certificate: signed.certificate,
        ca: authority.ca,
        session: presented.session,
        heartbeatSeconds: HEARTBEAT_SECONDS,
      };
      return { kind: 'json', value: welcome };
    },

    /** For the machine and the address that the session is bound to, whatever the request asks for. */
    async certificate(call: AgentCall): Promise<AgentAnswer> {
      const own = held(call);
      if (!own) return UNKNOWN;
      const read = agentCertificateRequest.safeParse(call.body);
      if (!read.success) return wrong(read.error);
      const { name } = own.machine.document;
      const { attempt, address } = own.session;
      const signed = await authority.signAgentCsr(read.data.csr, { machine: name, addresses: [address] });
      if (signed.kind === 'refused') return { kind: 'wrong', because: `csr: ${signed.because}` };
      recorder.record({ attempt }, { kind: 'reported', by: 'agent', text: 'its certificate was renewed' });
      log.info({ machine: name, attempt, address }, 'the certificate of an agent was renewed');
      return { kind: 'json', value: { certificate: signed.certificate } };
    },

    async inventory(call: AgentCall): Promise<AgentAnswer> {
      const own = held(call);
      if (!own) return UNKNOWN;
      const read = agentInventory.safeParse(call.body);
      if (!read.success) return wrong(read.error);
      const inventory = { ...read.data, source: 'agent', at: now() } as const;
      const { name } = own.machine.document;
      await parts.keepInventory(name, inventory);
      seenOf(own.session.attempt).hasInventory = true;
      const conflicts = registry.inspected(name, inspectionOf(inventory), factsOf(inventory), now());
      for (const conflict of conflicts) log.warn({ machine: name }, `inventory: ${conflict}`);
      const { processors, memory, disks, nics } = inventory;
      const gib = Math.round((memory?.totalBytes ?? 0) / 2 ** 30);
      const text = `inventory: ${processors.length} processors, ${gib} GiB, ${disks.length} disks, ${nics.length} NICs`;
      recorder.record({ attempt: own.session.attempt }, { kind: 'reported', by: 'agent', text });
      return NOTED;
    },

    logs(call: AgentCall): AgentAnswer {
      const own = held(call);
      if (!own) return UNKNOWN;
      const read = agentLogs.safeParse(call.body);
      if (!read.success) return wrong(read.error);
      const { attempt } = own.session;
      for (const { source, severity, text, uptimeMs } of read.data.lines) {
        const stamped = `[${(uptimeMs / 1000).toFixed(3)}] ${text}`;
        recorder.record({ attempt }, { kind: 'log', source, severity, text: stamped });
      }
      return NOTED;
    },

    status(call: AgentCall): AgentAnswer {
      const own = held(call);
      if (!own) return UNKNOWN;
      const read = agentStatus.safeParse(call.body);
      if (!read.success) return wrong(read.error);
      const { session, machine } = own;
      const { name } = machine.document;
      const { stage, text } = read.data;
      const known = seenOf(session.attempt);
      // One that waits for days to be accepted sends no packet that DHCP would know it by, and is not to be forgotten.
      if (now() - known.observedAt > OBSERVED_MS) {
        known.observedAt = now();
        registry.observe({ mac: session.mac, facts: {}, source: 'agent', at: now() });
      }
      if (known.stage !== stage) {
        known.stage = stage;
        recorder.record({ attempt: session.attempt }, { kind: 'reported', by: 'agent', text: `${stage}: ${text}` });
      }
      if (stage === 'rebooting' || stage === 'shutting-down') agents.left(name, session.attempt);
      const orders = ordersFor({
        machine,
        next: parts.nextBoot(machine, session.address),
        jobs: parts.jobsOf(name),
        hasInventory: known.hasInventory,
        ageMs: now() - known.since,
      });
      return { kind: 'json', value: orders };
    },

    /** What a job of this machine writes at this moment, and nothing else. */
    async image(call: AgentCall, sha256: string): Promise<AgentAnswer> {
      const own = held(call);
      const blob = own && (await parts.imageOf(own.machine.document.name, sha256));
      return blob ? { kind: 'blob', blob } : UNKNOWN;
    },
  };
}

export type AgentCalls = ReturnType<typeof agentCalls>;

function wrong(error: z.ZodError): AgentAnswer {
  const [issue] = error.issues;
  return { kind: 'wrong', because: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}` };
}
