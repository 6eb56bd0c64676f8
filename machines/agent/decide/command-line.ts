import { type MacAddress, parseMacAddress } from '../../values/mac-address.ts';
import { type StaticNetwork, staticNetwork } from './static-network.ts';

/** What the kernel's command line tells the agent. */
export type Settings = {
  /** Of the machine plane, without a slash at its end. */
  readonly url: URL;
  /** Standard base64 of SHA-256 over the daemon's SubjectPublicKeyInfo. */
  readonly pin: string;
  /** The boot attempt that brought us here. */
  readonly attempt: string;
  /** The NIC that the machine booted from. */
  readonly bootMac: MacAddress;
  /** Absent: ask DHCP. */
  readonly network?: StaticNetwork;
  /** The VLAN to tag with on that NIC. */
  readonly vlan?: number;
};

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly because: readonly string[] };

/**
 * Reads `/proc/cmdline`. All that is wrong is named at once: whoever reads it stands in front of a screen in a rack.
 * Where an argument stands twice, the last one counts, as it does for the kernel.
 */
export function readCommandLine(text: string): SettingsResult {
  const words = kernelArguments(text);
  const because: string[] = [];
  const url = daemonUrl(words.get('ingot.url'), because);
  const pin = words.get('ingot.pin') ?? '';
  if (!/^[A-Za-z0-9+/]{43}=$/.test(pin)) because.push(`ingot.pin is ${shown(pin)}, want 32 bytes in base64`);
  const attempt = words.get('ingot.attempt') ?? '';
  if (!/^[\w.-]{1,64}$/.test(attempt)) because.push(`ingot.attempt is ${shown(attempt)}, want an id`);
  const bootMac = bootInterface(words.get('BOOTIF'), because);
  const ip = words.get('ip');
  const network = ip === undefined ? undefined : staticNetwork(ip);
  if (network?.ok === false) because.push(`ip= ${network.because}`);
  const vlan = vlanOf(words.get('ingot.vlan'), because);
  if (because.length > 0 || !url || !bootMac) return { ok: false, because };
  return {
    ok: true,
    settings: {
      url,
      pin,
      attempt,
      bootMac,
      ...(network?.ok && network.network ? { network: network.network } : {}),
      ...(vlan === undefined ? {} : { vlan }),
    },
  };
}

/** The kernel's own rule: blanks part arguments but within double quotes, which are left out where they enclose. */
export function kernelArguments(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [word] of text.trim().matchAll(/(?:"[^"]*"|[^\s"])+/g)) {
    const bare = word.replaceAll('"', '');
    const equals = bare.indexOf('=');
    if (equals < 0) found.set(bare, '');
    else found.set(bare.slice(0, equals), bare.slice(equals + 1));
  }
  return found;
}

function daemonUrl(text: string | undefined, because: string[]): URL | undefined {
  const url = URL.canParse(text ?? '') ? new URL(text ?? '') : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && !url.search && !url.username) return url;
  because.push(`ingot.url is ${shown(text)}, want https://ADDRESS:PORT`);
  return undefined;
}

/** PXELINUX and iPXE put the ARP hardware type before it: `01-52-54-00-00-00-01`. */
function bootInterface(text: string | undefined, because: string[]): MacAddress | undefined {
  const result = parseMacAddress((text ?? '').replace(/^01[-:](?=(?:[0-9a-f]{2}[-:]){5}[0-9a-f]{2}$)/i, ''));
  if (result.ok) return result.value;
  because.push(`BOOTIF is ${shown(text)}, want 01-aa-bb-cc-dd-ee-ff`);
  return undefined;
}

function vlanOf(text: string | undefined, because: string[]): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 4094) return Number(text);
  because.push(`ingot.vlan is ${shown(text)}, want 1 to 4094`);
  return undefined;
}

const shown = (text: string | undefined): string => (text ? JSON.stringify(text) : 'not there');
