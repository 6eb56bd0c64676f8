import type { BmcProfile } from '../quirks.ts';

export const ROOT = '/redfish/v1';
export const SESSIONS = `${ROOT}/SessionService/Sessions`;
export const ACCOUNTS = `${ROOT}/AccountService/Accounts`;

export const systemPath = ({ systemId }: BmcProfile): string => `${ROOT}/Systems/${systemId}`;
export const managerPath = ({ managerId }: BmcProfile): string => `${ROOT}/Managers/${managerId}`;
export const chassisPath = ({ chassisId }: BmcProfile): string => `${ROOT}/Chassis/${chassisId}`;
/** AMI calls it `SD`; others have no settings object of the system. */
export const systemSettingsPath = (profile: BmcProfile): string => `${systemPath(profile)}/SD`;
