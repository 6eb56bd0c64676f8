import type { Drivers } from '#services/bmc/bmcs.ts';
import { BmcError } from '#services/bmc/contract.ts';
import type { Probes } from '#services/bmc/discover.ts';
import {
  changePassword as changeIpmiPassword,
  createAccount as createIpmiAccount,
  deleteAccount as deleteIpmiAccount,
} from '#services/bmc/ipmi/accounts.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { pingRmcp } from '#services/bmc/ipmi/ping-rmcp.ts';
import {
  changePassword as changeRedfishPassword,
  createAccount as createRedfishAccount,
  deleteAccount as deleteRedfishAccount,
  readPasswordPolicy,
} from '#services/bmc/redfish/accounts.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { probeRedfish } from '#services/bmc/redfish/probe-redfish.ts';
import type { Accounts, ChangePassword } from '#services/bmc/rotate.ts';
import { openWebhook } from '#services/bmc/webhook.ts';
import { openWol } from '#services/bmc/wol.ts';

/** What reaches BMCs on a real network. */
export const DRIVERS: Drivers = {
  redfish: (target, observer, signal) => openRedfish(target, observer, { signal }),
  ipmi: (target, observer) => openIpmi(target, observer),
  wol: (target) => openWol(target),
  webhook: (target) => openWebhook(target),
};

export const PROBES: Probes = {
  redfish: (address, signal) => probeRedfish(address, signal),
  rmcp: async (address, signal) => (await pingRmcp(address, signal)).kind === 'speaks',
};

export const changePassword: ChangePassword = async (target, password, signal) => {
  if (target.type === 'ipmi') return changeIpmiPassword(target, password, signal);
  if (target.type !== 'redfish') {
    throw new BmcError('not-supported', `a ${target.type} at ${target.address} has no password to change`);
  }
  await changeRedfishPassword(target, { password }, { signal });
};

/** An administrator: virtual media and boot settings are an operator's with some makers, and an administrator's with all. */
const ROLE = 'Administrator';

export const ACCOUNTS: Accounts = {
  change: changePassword,
  create: (target, account, signal) =>
    target.type === 'ipmi'
      ? createIpmiAccount(target, account, signal)
      : createRedfishAccount(target, { ...account, role: ROLE }, { signal }),
  remove: (target, username, signal) =>
    target.type === 'ipmi'
      ? deleteIpmiAccount(target, username, signal)
      : deleteRedfishAccount(target, username, { signal }),
  async policy(target, signal) {
    if (target.type !== 'redfish') return {};
    try {
      const { MinPasswordLength: min, MaxPasswordLength: max = 0 } = await readPasswordPolicy(target, { signal });
      // 0 is how some say that there is no limit.
      return { min, ...(max > 0 ? { max } : {}) };
    } catch (error) {
      // Whoever tells no policy may still take a password.
      if (error instanceof BmcError && error.code !== 'credential' && error.code !== 'certificate') return {};
      throw error;
    }
  },
};
