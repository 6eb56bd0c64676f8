import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MacAddress } from '../values/mac-address.ts';
import type { Settings } from './decide/command-line.ts';
import type { StaticNetwork } from './decide/static-network.ts';
import type { Host, HostAddress } from './host.ts';
import type { AgentLog } from './log.ts';
import { readText } from './read-text.ts';
import { UDHCPC_SCRIPT } from './udhcpc-script.ts';

const POLL_MS = 250;
/** Spanning tree and LACP may keep a port shut for half a minute; some drivers never say that they have a carrier. */
const CARRIER_MS = 45_000;

/** The interface that the machine booted from, with its address. */
export type Network = AsyncDisposable & {
  /** The kernel's name of what carries the address. */
  readonly link: string;
  /** What it has now, without link-local ones. Changes when a lease does. */
  addresses(): readonly HostAddress[];
};

/** How the agent gets its network: on a machine by `bringUpNetwork`, in the rack it is there. */
export type BringUp = (parts: {
  readonly host: Host;
  readonly settings: Settings;
  readonly log: AgentLog;
  /** What is waited for. */
  readonly told: (text: string) => void;
  readonly signal: AbortSignal;
}) => Promise<Network>;

/**
 * Brings up the NIC that the machine booted from, and no other; by DHCP unless the command line has an address. It waits
 * as long as it takes, and says for what. The DHCP client goes on until the network is disposed of.
 */
export const bringUpNetwork: BringUp = async ({ host, settings, log, told, signal }) => {
  const nic = await findNic(host, settings.bootMac, told, signal);
  log.info(`booted from ${nic} (${settings.bootMac})`);
  await busybox(host, log, ['ip', 'link', 'set', 'dev', nic, 'up'], signal);
  await carrier(host, nic, told, log, signal);
  const link = settings.vlan === undefined ? nic : await vlan(host, nic, settings.vlan, log, signal);
  const stop = new AbortController();
  let client: Promise<void> = Promise.resolve();
  if (settings.network) await setStatic(host, link, settings.network, log, signal);
  else client = runDhcpClient(host, link, log, AbortSignal.any([signal, stop.signal]));

  const addresses = () => addressesOf(host, link);
  const wantsV6 = isIPv6(settings.url.hostname.replaceAll(/[[\]]/g, ''));
  told(settings.network ? `waiting for ${link}` : `waiting for an address by DHCP on ${link}`);
  while (!addresses().some(({ family }) => (family === 'inet6') === wantsV6)) {
    await sleep(POLL_MS, undefined, { signal });
  }
  return {
    link,
    addresses,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await client;
    },
  };
};

/** The network of a machine that has one already, such as a simulated one. */
export const networkOn =
  (link: string): BringUp =>
  async ({ host }) => ({ link, addresses: () => addressesOf(host, link), [Symbol.asyncDispose]: async () => {} });

/** Addresses by which others reach this link. */
export const addressesOf = (host: Host, link: string): readonly HostAddress[] =>
  host.addresses().filter((one) => one.link === link && !/^(?:fe[89ab]|169\.254\.)/i.test(one.address));

/** Drivers may still be loading. VLANs and bonds have their NIC's address too: a real one has a device. */
async function findNic(
  host: Host,
  mac: MacAddress,
  told: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const seen: string[] = [];
    for (const name of await readdir(join(host.root, '/sys/class/net')).catch(() => [])) {
      const address = (await readText(host, `/sys/class/net/${name}/address`))?.trim().toLowerCase();
      if (address === undefined || !(await isThere(host, `/sys/class/net/${name}/device`))) continue;
      if (address === mac) return name;
      seen.push(`${name} ${address}`);
    }
    const others = seen.length === 0 ? 'no NIC is there yet: its driver or firmware may be missing' : seen.join(', ');
    told(`waiting for the NIC ${mac} that the machine booted from; ${others}`);
    await sleep(POLL_MS, undefined, { signal });
  }
}

const isThere = (host: Host, path: string): Promise<boolean> =>
  stat(join(host.root, path)).then(
    () => true,
    () => false,
  );

async function carrier(
  host: Host,
  nic: string,
  told: (text: string) => void,
  log: AgentLog,
  signal: AbortSignal,
): Promise<void> {
  told(`waiting for the link of ${nic}: is its cable in?`);
  for (const since = host.uptimeMs(); host.uptimeMs() - since < CARRIER_MS; ) {
    if ((await readText(host, `/sys/class/net/${nic}/carrier`))?.trim() === '1') return;
    await sleep(POLL_MS, undefined, { signal });
  }
  log.warn(`${nic} has had no carrier for ${CARRIER_MS / 1000} s; going on without`);
}

async function vlan(host: Host, nic: string, id: number, log: AgentLog, signal: AbortSignal): Promise<string> {
  const link = `${nic}.${id}`;
  if (!(await isThere(host, `/sys/class/net/${link}`))) {
    await busybox(
      host,
      log,
      ['ip', 'link', 'add', 'link', nic, 'name', link, 'type', 'vlan', 'id', String(id)],
      signal,
    );
  }
  await busybox(host, log, ['ip', 'link', 'set', 'dev', link, 'up'], signal);
  return link;
}

async function setStatic(host: Host, link: string, network: StaticNetwork, log: AgentLog, signal: AbortSignal) {
  const { address, prefixLength, gateway, dns } = network;
  if (!addressesOf(host, link).some((one) => one.address === address)) {
    await busybox(host, log, ['ip', 'addr', 'add', `${address}/${prefixLength}`, 'dev', link], signal);
  }
  if (gateway !== undefined) {
    await busybox(host, log, ['ip', 'route', 'replace', 'default', 'via', gateway, 'dev', link], signal);
  }
  const text = dns.map((server) => `nameserver ${server}\n`).join('');
  if (text !== '') await writeFile(join(host.root, '/etc/resolv.conf'), text);
}

/** Renews as long as the agent lives; a client that ends is started again. */
async function runDhcpClient(host: Host, link: string, log: AgentLog, signal: AbortSignal): Promise<void> {
  const script = '/run/ingot/udhcpc';
  try {
    await mkdir(join(host.root, '/run/ingot'), { recursive: true });
    await writeFile(join(host.root, script), UDHCPC_SCRIPT, { mode: 0o755 });
    while (!signal.aborted) {
      // Three tries of three seconds, again after two: a switch port that opens late is found soon.
      const args = [
        'udhcpc',
        '-f',
        '-i',
        link,
        '-s',
        script,
        '-t',
        '3',
        '-T',
        '3',
        '-A',
        '2',
        '-O',
        'mtu',
        '-V',
        'ingot-agent',
      ];
      const { status, stderr } = await host.run('busybox', args, { signal });
      log.warn(`the DHCP client ended with ${status}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
      await sleep(1000, undefined, { signal });
    }
  } catch (cause) {
    if (!signal.aborted) log.error(`no DHCP: ${String(cause)}`);
  }
}

async function busybox(host: Host, log: AgentLog, args: readonly string[], signal: AbortSignal): Promise<void> {
  const { status, stderr } = await host.run('busybox', args, { signal });
  if (status !== 0) log.error(`${args.join(' ')}: status ${status}: ${stderr.trim()}`);
}
