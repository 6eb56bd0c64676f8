import { SITUATIONS, type KernelData, type ScriptBody, type ScriptCommon } from '#machines/decide/boot-script.ts';
import type { ScriptSituation } from '#machines/contract/trace.ts';
import type { TemplateSample } from './templates.ts';

const FIRMWARES = ['bios', 'uefi', 'unknown'] as const;
const ATTEMPT = 'sample-sample-sample-0';

/** Every boot script template with data of its situation, for each firmware and each way to fail. */
export function ipxeSamples(): readonly TemplateSample[] {
  return SITUATIONS.flatMap((situation) =>
    FIRMWARES.flatMap((firmware) =>
      (['disk', 'shell'] as const).map((onFailure) => ({
        template: `ipxe/${situation}`,
        label: `${firmware}, ${onFailure} on failure`,
        data: sampleOf(situation, { ...SAMPLE_COMMON, firmware, onFailure }).data,
      })),
    ),
  );
}

export const SAMPLE_COMMON: ScriptCommon = {
  title: 'r1-u12',
  mac: '52:54:00:00:00:01',
  attempt: ATTEMPT,
  because: 'profile rescue: machine r1-u12 names it',
  firmware: 'unknown',
  onFailure: 'disk',
  failedUrl: `http://192.0.2.1:8080/a/${ATTEMPT}/failed`,
  againUrl: `http://192.0.2.1:8080/a/${ATTEMPT}/boot.ipxe?mac=\${netX/mac}`,
  syslog: '192.0.2.1',
};

/** Data as a situation has it. */
export function sampleOf(situation: ScriptSituation, common: ScriptCommon): ScriptBody {
  switch (situation) {
    case 'kernel':
    case 'agent':
    case 'rescue': {
      const data: KernelData = {
        ...common,
        profile: 'rescue',
        kernelUrl: `http://192.0.2.1:8080/a/${ATTEMPT}/kernel`,
        kernelArguments: 'initrd=initrd-0 console=ttyS0',
        initrds: [{ name: 'initrd-0', url: `http://192.0.2.1:8080/a/${ATTEMPT}/initrd-0` }],
      };
      return { situation, data };
    }
    case 'disk':
    case 'stop':
      return { situation, data: common };
    case 'hold':
      return { situation, data: { ...common, acceptName: 'r1-u12' } };
    case 'menu':
      return { situation, data: { ...common, timeoutMs: 30_000 } };
    case 'chain':
      return { situation, data: { ...common, url: 'http://192.0.2.9/boot.ipxe' } };
    case 'script':
      return { situation, data: { ...common, lines: ['echo hello', 'exit'] } };
    default:
      return situation satisfies never;
  }
}
