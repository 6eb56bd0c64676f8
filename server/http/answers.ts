import type { Attempt, HttpRole } from '#machines/contract/trace.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { type AssetRole, claimsOf, resolveBootPath } from '#machines/decide/boot-path.ts';
import { lookAtFile } from '#services/images/blob.ts';
import type { Blob } from '#services/images/contract.ts';
import {
  architectureOf,
  type Asker,
  type BootScripts,
  machineOf,
  observe,
  type RenderedScript,
} from './boot-scripts.ts';
import type { BootPlaneParts } from './contract.ts';
import type { ScriptReader } from '#machines/decide/boot-script.ts';
import { paddingAfter } from './padded-blob.ts';

/** What a request gets, before conditions and ranges. Nothing has been sent yet. */
export type BootAnswer =
  | { readonly kind: 'script'; readonly role: 'script'; readonly attempt: string; readonly rendered: RenderedScript }
  | {
      readonly kind: 'blob';
      readonly role: HttpRole;
      readonly attempt?: string;
      readonly blob: Blob;
      readonly contentType: string;
      /** Zero bytes that are sent after it. */
      readonly padding?: number;
      readonly asset?: SentAsset;
    }
  /** Made for one machine: never cached, never shown. */
  | {
      readonly kind: 'bytes';
      readonly role: HttpRole;
      readonly attempt: string;
      readonly bytes: Uint8Array;
      readonly asset: SentAsset;
    }
  | { readonly kind: 'text'; readonly role: 'other'; readonly attempt?: string; readonly text: string }
  | {
      readonly kind: 'not-found';
      readonly role: HttpRole;
      readonly attempt?: string;
      readonly because: string;
    };

/** A part of an image on its way to a machine, with the plan that allows it. */
export type SentAsset = {
  readonly role: AssetRole;
  readonly index: number;
  readonly plan: Extract<BootPlan, { kind: 'netboot' }>;
};

export type BootRequest = {
  readonly method: 'GET' | 'HEAD';
  /** As it came: path and query. */
  readonly target: string;
  readonly asker: Asker;
};

export const NO_GRUB_MAC = 'no MAC address in the query: want /grub/machine.cfg?mac=$net_default_mac';

/** From a request to its answer. Only reads: what has been sent is noted when it has been (deliveries.ts). */
export function bootAnswers(parts: BootPlaneParts, scripts: BootScripts) {
  const { recorder, registry, planner, networkOf, images, loaders } = parts;

  async function script(attempt: string, { method, target, asker }: BootRequest): Promise<BootAnswer> {
    const rendered = await scripts.ofAttempt({ attempt, target, asker, look: method === 'HEAD' });
    if (rendered.kind === 'none') return { kind: 'not-found', role: 'script', attempt, because: rendered.because };
    return { kind: 'script', role: 'script', attempt: rendered.attempt, rendered };
  }

  async function scriptOfMac(
    { method, target, asker }: BootRequest,
    reader: ScriptReader,
    otherwise: string,
  ): Promise<BootAnswer> {
    const rendered = await scripts.ofMac({
      claims: claimsOf(target),
      asker,
      look: method === 'HEAD',
      reader,
      otherwise,
    });
    if (rendered.kind === 'none') return { kind: 'not-found', role: 'script', because: rendered.because };
    return { kind: 'script', role: 'script', attempt: rendered.attempt, rendered };
  }

  async function loader(name: string): Promise<BootAnswer> {
    const path = loaders.path(name);
    const looked = path === undefined ? undefined : await lookAtFile(path);
    if (looked?.kind !== 'found') {
      return { kind: 'not-found', role: 'loader', because: looked?.because ?? `no file for ${name}` };
    }
    const contentType = name.endsWith('.efi') ? 'application/efi' : 'application/octet-stream';
    return { kind: 'blob', role: 'loader', blob: looked.blob, contentType };
  }

  async function asset(
    path: { readonly attempt: string; readonly role: AssetRole; readonly index: number },
    { method, target, asker }: BootRequest,
  ): Promise<BootAnswer> {
    const { attempt, role, index } = path;
    const notFound = (because: string): BootAnswer => ({ kind: 'not-found', role, attempt, because });
    const known: Attempt | undefined = recorder.live({ attempt }) ?? (await recorder.attempt(attempt));
    if (!known) return notFound('this attempt is not known (any more)');
    if (method === 'GET' && target.includes('?')) observe(known.mac, claimsOf(target), parts);
    const machine = machineOf(known, known.mac, registry);
    const plan = planner({ machine, attempt, discovery: networkOf(asker.peer).discovery });
    if (plan.kind !== 'netboot') return notFound(plan.because);
    if (plan.profile.os === 'agent') {
      if (!parts.agent) return notFound(`${plan.because}; this daemon has no agent`);
      const { peer } = asker;
      const part = await parts.agent.asset({
        ...path,
        attempt: known,
        architecture: architectureOf(machine),
        peer,
        grant: plan.grant,
        look: method === 'HEAD',
      });
      if (part.kind === 'missing') return notFound(part.because);
      const sent = { attempt, role, asset: { role, index, plan } };
      if (part.kind === 'bytes') return { kind: 'bytes', ...sent, bytes: part.bytes };
      return { kind: 'blob', ...sent, blob: part.blob, contentType: 'application/octet-stream' };
    }
    if (!plan.image) return notFound(`${plan.because}; it has no image`);
    const found = await images.asset(plan.image.name, role, index);
    if (found.kind === 'missing') return notFound(found.because);
    const contentType = role === 'efi' ? 'application/efi' : 'application/octet-stream';
    const { blob } = found;
    const initrds = plan.image.assets.filter((one) => one.role === 'initrd').length;
    const padding = role === 'initrd' && index < initrds - 1 ? paddingAfter(blob.size) : 0;
    return { kind: 'blob', role, attempt, blob, contentType, padding, asset: { role, index, plan } };
  }

  function failed(attempt: string, { method, target, asker }: BootRequest): BootAnswer {
    const known = recorder.live({ attempt });
    if (!known) return { kind: 'not-found', role: 'other', attempt, because: 'this attempt is not in progress' };
    const claims = claimsOf(target);
    if (method === 'GET') {
      const text = `iPXE could not boot ${claims.get('what') ?? 'something'}: error ${claims.get('errno') ?? 'unknown'}`;
      recorder.record({ attempt, address: asker.peer }, { kind: 'log', source: 'ipxe', severity: 3, text });
    }
    // Not empty: some iPXE builds take an empty answer for an error.
    return { kind: 'text', role: 'other', attempt, text: 'noted\n' };
  }

  return {
    /** Rejects only for a broken promise of ours (store gone, bug). */
    async answer(request: BootRequest): Promise<BootAnswer> {
      const path = resolveBootPath(request.target);
      switch (path.kind) {
        case 'script':
          return await script(path.attempt, request);
        case 'by-hand':
          return await scriptOfMac(request, 'ipxe', 'no MAC address in the query: want /boot.ipxe?mac=${net0/mac}');
        case 'grub-start':
          return { kind: 'text', role: 'other', text: scripts.grubStart() };
        case 'grub':
          return await scriptOfMac(request, 'grub', NO_GRUB_MAC);
        case 'asset':
          return await asset(path, request);
        case 'failed':
          return failed(path.attempt, request);
        case 'loader':
          return await loader(path.name);
        case 'none':
          return { kind: 'not-found', role: 'other', because: path.because };
        default:
          return path satisfies never;
      }
    },
  };
}
