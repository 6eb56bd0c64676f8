import { classOf } from '#machines/decide/classes.ts';
import { besideImage } from '#machines/os/image/beside-image.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { StepParts } from './steps.ts';

/** Reads the documents of a machine for what is written beside its image. */
export const besideImageOf =
  (registry: Pick<Registry, 'machine' | 'classes' | 'profile' | 'network'>): StepParts['besideImage'] =>
  (name, asked, job) => {
    const machine = registry.machine(name);
    const profile = asked === undefined ? undefined : registry.profile(asked);
    const missing = machine ? `profile ${asked ?? ''}` : `machine ${name}`;
    if (!machine || !profile) return { ok: false, problems: [{ key: missing, because: 'it is not there any more' }] };
    const ofClass = classOf(machine, registry.classes());
    return besideImage({ machine, ofClass, profile, network: (one) => registry.network(one), job });
  };
