import type { ScriptSituation } from '../../contract/trace.ts';

/** How iPXE got its script. */
export type ScriptEvidence = {
  readonly rendered:
    | {
        readonly at: number;
        readonly situation: ScriptSituation;
        readonly because: string;
        /** Initrds that it names; undefined where that is not ours to know. */
        readonly initrds: number | undefined;
      }
    | undefined;
  /** When it had been sent whole. */
  readonly sentAt: number | undefined;
  readonly failed: { readonly at: number; readonly path: string; readonly because: string } | undefined;
};

/** How one file of an image came: `asked` while it is on its way. */
export type AssetEvidence = {
  readonly path: string;
  readonly asked: number | undefined;
  readonly whole: number | undefined;
  readonly broken: { readonly at: number; readonly bytes: number; readonly size: number } | undefined;
  readonly failed: { readonly at: number; readonly status: number; readonly because: string } | undefined;
};

export type KernelEvidence = {
  readonly kernel?: AssetEvidence;
  readonly initrds?: readonly AssetEvidence[];
  /** What the loader itself reported that it could not do. */
  readonly complaint?: { readonly at: number; readonly text: string };
};

/** When kernel and the last initrd had been sent whole; undefined until then. */
export function imageSentAt({
  kernel: { kernel, initrds = [] },
  script,
}: {
  readonly kernel: KernelEvidence;
  readonly script: ScriptEvidence | undefined;
}): number | undefined {
  if (kernel?.whole === undefined) return undefined;
  const whole = initrds.filter((one) => one.whole !== undefined);
  if (whole.length < initrds.length || whole.length < (script?.rendered?.initrds ?? 0)) return undefined;
  return Math.max(kernel.whole, ...whole.map((one) => one.whole ?? 0));
}
