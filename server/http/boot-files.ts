import { claimsOf, resolveBootPath } from '#machines/decide/boot-path.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { LoaderCatalog } from '#services/images/contract.ts';
import { formatListen } from '../config/schema.ts';
import type { TftpFile, TftpFileRequest, TftpFiles, TftpRefusal } from '../tftp/contract.ts';
import { TFTP_ERROR } from '../tftp/wire/packet.ts';
import { NO_GRUB_MAC } from './answers.ts';
import type { BootScripts, NoScript, RenderedScript } from './boot-scripts.ts';
import type { BootPlaneParts } from './contract.ts';
import { grantSpender } from './grants.ts';

/**
 * The boot plane's files as the TFTP server has them: scripts first, then `files` for everything else. Kernels and
 * initrds are not among them: a script names them by HTTP.
 *
 * `loaderFiles` is what `diskFiles` wants as `served`.
 */
export function bootFiles({
  scripts,
  files,
  bootPort,
  ...parts
}: {
  readonly scripts: BootScripts;
  readonly files: TftpFiles;
  /** Where the boot plane listens, for networks that advertise no URL. */
  readonly bootPort: () => number;
} & Pick<BootPlaneParts, 'registry' | 'recorder' | 'log'>): TftpFiles {
  const grants = grantSpender(parts);

  async function script(attempt: string, { peer, local }: TftpFileRequest): Promise<TftpFile | TftpRefusal> {
    const asker = { peer: peer.address, reachedUrl: urlOf(local.address, bootPort()) };
    return sending(await scripts.ofAttempt({ attempt, target: '', asker, look: false }));
  }

  async function grub({ name, peer, local }: TftpFileRequest): Promise<TftpFile | TftpRefusal> {
    const asker = { peer: peer.address, reachedUrl: urlOf(local.address, bootPort()) };
    const claims = claimsOf(name);
    // A datagram's source can be forged, and so could any number of machines: who boots was heard by DHCP just now.
    const mac = parseMacAddress(claims.get('mac') ?? '');
    if (mac.ok && parts.recorder.live({ mac: mac.value }) === undefined) {
      return { kind: 'refused', code: TFTP_ERROR.notFound, because: 'no boot of this MAC is in progress' };
    }
    return sending(await scripts.ofMac({ claims, asker, look: false, reader: 'grub', otherwise: NO_GRUB_MAC }));
  }

  function sending(rendered: RenderedScript | NoScript): TftpFile | TftpRefusal {
    if (rendered.kind === 'none') {
      return { kind: 'refused', code: TFTP_ERROR.notFound, because: rendered.because };
    }
    const bytes = Buffer.from(rendered.text);
    return {
      kind: 'file',
      size: bytes.length,
      async content(offset, length) {
        // Its last block is being sent. A client that repeats its ACK asks again; a grant is spent once.
        if (offset + length >= bytes.length) void grants.scriptSent(rendered);
        return bytes.subarray(offset, offset + length);
      },
      close() {},
    };
  }

  return {
    async open(request) {
      const path = resolveBootPath(request.name);
      switch (path.kind) {
        case 'script':
          return await script(path.attempt, request);
        case 'grub':
          return await grub(request);
        case 'grub-start': {
          const bytes = Buffer.from(scripts.grubStart());
          return { kind: 'file', size: bytes.length, content: bytes, close() {} };
        }
        default:
          return await files.open(request);
      }
    },
  };
}

const urlOf = (address: IpAddress, port: number): string => `http://${formatListen({ address, port })}`;

/** Loaders by name, wherever they lie. */
export const loaderFiles = (loaders: LoaderCatalog) => ({
  get(name: string): { readonly kind: 'path'; readonly path: string } | undefined {
    const resolved = resolveBootPath(name);
    const path = resolved.kind === 'loader' ? loaders.path(resolved.name) : undefined;
    return path === undefined ? undefined : { kind: 'path', path };
  },
});
