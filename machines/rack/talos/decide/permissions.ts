import { isAtLeast, type TalosVersion } from '../../../os/talos/version.ts';
import { mayCall } from '../../../api/roles.ts';

/** How a call is answered before anybody looks at it. */
export type Admission = 'admitted' | 'forbidden' | 'not-implemented';

/** All that maintenance had before 1.13, but for the three that SideroLink adds. */
const OLD_MAINTENANCE: readonly string[] = [
  '/machine.MachineService/ApplyConfiguration',
  '/storage.StorageService/Disks',
  '/cosi.resource.State/Get',
  '/cosi.resource.State/List',
  '/cosi.resource.State/Watch',
];
const WIPE = '/storage.StorageService/BlockDeviceWipe';
const APPLY = '/machine.MachineService/ApplyConfiguration';

/** Services that came with 1.13. */
const SINCE_13 = ['/machine.ImageService/', '/machine.LifecycleService/'];

export const isServed = (path: string, version: TalosVersion): boolean =>
  !path.startsWith('/ingot.') && (isAtLeast(version, 13) || !SINCE_13.some((service) => path.startsWith(service)));

/** Anybody, without a certificate: what a machine in maintenance lets them do. */
export function admittedInMaintenance(path: string, version: TalosVersion): Admission {
  if (!isServed(path, version)) return 'not-implemented';
  if (isAtLeast(version, 13)) {
    return path === APPLY || path === WIPE || mayCall(path, ['os:reader']) ? 'admitted' : 'forbidden';
  }
  if (path === WIPE) return isAtLeast(version, 11) ? 'admitted' : 'not-implemented';
  return OLD_MAINTENANCE.includes(path) ? 'admitted' : 'not-implemented';
}

/** Whoever has a certificate of the machine's CA with these roles. */
export function admittedWhenRunning(path: string, roles: readonly string[], version: TalosVersion): Admission {
  if (!isServed(path, version)) return 'not-implemented';
  return mayCall(path, roles) ? 'admitted' : 'forbidden';
}
