import { GRUB_SITUATIONS } from '#machines/decide/boot-script.ts';
import { sampleOf, SAMPLE_COMMON } from './ipxe-samples.ts';
import type { TemplateSample } from './templates.ts';

/** Every configuration for GRUB with data of its situation, and each way to fail. */
export function grubSamples(): readonly TemplateSample[] {
  const start = { template: 'grub/start', label: 'any machine', data: {} };
  const others = GRUB_SITUATIONS.flatMap((situation) =>
    (['disk', 'shell'] as const).map((onFailure) => ({
      template: `grub/${situation}`,
      label: `${onFailure} on failure`,
      data: sampleOf(situation, { ...SAMPLE_COMMON, firmware: 'uefi', onFailure }).data,
    })),
  );
  return [start, ...others];
}
