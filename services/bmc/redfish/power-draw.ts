import { environmentMetrics, power } from './decide/resources.ts';
import type { MachinePaths } from './find-machine.ts';
import { isFatal } from './members.ts';
import type { RedfishService } from './service.ts';

/** Watts. Undefined where the BMC does not tell. */
export async function readWatts(
  service: RedfishService,
  { draw }: MachinePaths,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const newer = draw.environment && (await service.read(environmentMetrics, draw.environment, signal));
    const reading = newer ? newer.PowerWatts?.Reading : undefined;
    if (reading !== undefined || draw.power === undefined) return watts(reading);
    const [control] = (await service.read(power, draw.power, signal)).PowerControl;
    return watts(control?.PowerConsumedWatts);
  } catch (error) {
    if (isFatal(error)) throw error;
    return undefined;
  }
}

const watts = (reading: number | undefined): number | undefined =>
  reading !== undefined && reading >= 0 && reading < 1_000_000 ? reading : undefined;
