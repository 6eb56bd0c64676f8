import type { SilenceCode } from '#machines/contract/trace.ts';
import { scriptPath } from '#machines/decide/boot-path.ts';
import type { BootPlan, OwnDiskCode } from '#machines/decide/boot-plan.ts';
import { chooseLoader, type LoaderFile } from '#machines/decide/loader.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { Client } from './client.ts';

/** What a client is told to load, or why nothing. */
export type BootFile =
  | {
      readonly kind: 'file';
      /** Absent where only the server matters: U-Boot and the Raspberry Pi know the names by themselves. */
      readonly name: string | undefined;
      readonly because: string;
    }
  | { readonly kind: 'none'; readonly code: SilenceCode; readonly because: string };

export type BootFacts = {
  readonly client: Client;
  readonly plan: BootPlan;
  readonly loaders: ReadonlyMap<string, LoaderFile>;
  /** Its firmware starts only what is signed. */
  readonly secureBoot?: boolean;
  /** Of the boot attempt; without one there is no script. */
  readonly attempt: string | undefined;
  /** Base URL of the boot plane, without a slash at its end. */
  readonly advertise: string;
  /** For clients that fetch by TFTP only. */
  readonly tftp: { readonly address: Ipv4; readonly port: number };
};

/**
 * The same facts give the same file, so OFFER and ACK are alike.
 *
 * An iPXE is never given a binary, whatever the plan: it would load itself again, without end. It gets the URL of a
 * script, and the script decides.
 */
export function chooseBootFile(facts: BootFacts): BootFile {
  const { client, plan } = facts;
  if (client.kind === 'os') return none('not-a-netboot-client', 'it does not boot over the network');
  if (plan.kind === 'own-disk' && (client.kind !== 'ipxe' || isStranger(plan.code))) {
    return none(CODES[plan.code] ?? 'no-boot-file', plan.because);
  }
  switch (client.kind) {
    case 'ipxe':
      return scriptFor(facts, client);
    case 'http':
    case 'pxe':
      return loaderFor(facts, client);
    case 'u-boot':
    case 'raspberry-pi':
      return { kind: 'file', name: undefined, because: plan.because };
    default:
      return client.kind satisfies never;
  }
}

const none = (code: SilenceCode, because: string): BootFile => ({ kind: 'none', code, because });

/** Nobody has said that this machine is ours: not even an iPXE of its own is told what to do. */
const isStranger = (code: OwnDiskCode): boolean => CODES[code] !== undefined;

const CODES: Readonly<Partial<Record<OwnDiskCode, SilenceCode>>> = {
  unknown: 'not-accepted',
  'not-accepted': 'not-accepted',
  rejected: 'rejected',
};

function scriptFor({ plan, attempt, advertise, tftp }: BootFacts, { ipxe }: Client): BootFile {
  if (attempt === undefined) return none('limit', 'no boot attempt could be recorded for it');
  const usable = advertise.startsWith('https:') ? ipxe?.https : ipxe?.http;
  const port = tftp.port === 69 ? '' : `:${tftp.port}`;
  const base = usable ? advertise : `tftp://${tftp.address}${port}`;
  return { kind: 'file', name: `${base}/${scriptPath(attempt)}`, because: plan.because };
}

function loaderFor(
  { plan, loaders, advertise, secureBoot = false }: BootFacts,
  { kind, system, archCode }: Client,
): BootFile {
  if (!system) return none('wrong-arch', `no loader can exist for architecture ${archCode}`);
  const choice = chooseLoader(system, loaders, { secureBoot });
  switch (choice.kind) {
    case 'loader': {
      const { name } = choice.file;
      return { kind: 'file', name: kind === 'http' ? `${advertise}/${name}` : name, because: plan.because };
    }
    case 'missing':
      return none('loader-missing', `${choice.wanted.join(' and ')} missing: ${choice.next}`);
    case 'impossible':
      return none('wrong-arch', choice.because);
    default:
      return choice satisfies never;
  }
}
