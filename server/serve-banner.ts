import os from 'node:os';
import type { Config } from './config/config.ts';
import type { Restraint } from './dhcp4/rivals.ts';

/** What `serve` tells the person who started it. The last line is for programs. */
export type Banner = {
  readonly version: string;
  readonly config: Config;
  /** What really listens. */
  readonly api: string;
  readonly boot: string;
  readonly machine: string;
  readonly tftp: string;
  readonly dhcp: readonly string[];
  /** Interfaces that are answered less than their mode says, because of somebody else there. */
  readonly restraint: (name: string) => Restraint | undefined;
  /** Of the certificate of the API (SHA-256), where it speaks TLS: what a browser shows when it asks whether to go on. */
  readonly fingerprint?: string | undefined;
  /** Opens the page once. */
  readonly code: string;
  readonly codeMinutes: number;
  readonly user: string;
  readonly hostname: string;
};

export function bannerText(banner: Banner): string {
  const { version, config, boot, tftp, api, code, codeMinutes, restraint } = banner;
  const lines: (readonly [string, string])[] = [
    ...config.interfaces.map(
      ({ name, mode, discovery }) => ['interface', interfaceText(name, mode, discovery, restraint(name))] as const,
    ),
    ['boot', `${boot}, TFTP ${tftp}`],
    ['page', `${api}/?code=${code}   (opens once, within ${codeMinutes} minutes)`],
    ...(banner.fingerprint === undefined ? [] : [['', `certificate SHA-256 ${banner.fingerprint}`] as const]),
    ...remoteHint(banner),
    ['data', config.dataDir],
  ];
  const text = lines.map(([title, value]) => `  ${title.padEnd(10)} ${value}`).join('\n');
  return `Ingot ${version}\n${text}\n`;
}

/** `ready api=URL boot=URL machine=URL tftp=ADDR dhcp=ADDR,…`: printed when everything really listens. */
export const readyLine = ({ api, boot, machine, tftp, dhcp }: Banner): string =>
  `ready api=${api} boot=${boot} machine=${machine} tftp=${tftp} dhcp=${dhcp.join(',')}\n`;

function interfaceText(name: string, mode: string, discovery: string, restraint: Restraint | undefined): string {
  const address = os.networkInterfaces()[name]?.find(({ family }) => family === 'IPv4')?.cidr ?? 'no address';
  const does = {
    proxy: 'proxy: answers the boot part only, leases no addresses',
    server: 'server: leases addresses',
    off: 'off: answers nothing',
  }[mode];
  const says = restraint ? heldBack(mode, restraint) : does;
  const strangers =
    discovery === 'off' ? 'machines nobody accepted boot their own disk' : `machines nobody accepted: ${discovery}`;
  return `${name} (${address}), ${says}; ${strangers}; no disk is touched`;
}

const heldBack = (mode: string, { from, because }: Restraint): string =>
  from === 'all'
    ? `${mode}, held back: answers nothing, for ${because}`
    : `${mode}, held back: gives no new leases, for ${because}`;

/** The page listens on loopback: from another desk it is reached through SSH. */
function remoteHint({ api, user, hostname, code }: Banner): readonly (readonly [string, string])[] {
  const { port, hostname: host, protocol } = new URL(api);
  if (host !== '127.0.0.1') return [];
  return [
    [
      '',
      `from another machine: ssh -L ${port}:127.0.0.1:${port} ${user}@${hostname}, then open ${protocol}//127.0.0.1:${port}/?code=${code}`,
    ],
  ];
}
