import { TFTP_ERROR } from '../wire/packet.ts';

/**
 * Did the client only look, so that its ERROR is no failure?
 *
 * EDK2 asks with `tsize 0` and answers the OACK with ERROR 8 "User aborted the transfer", then asks again from another
 * port. BIOS ROMs do the same with ERROR 0. Raspberry Pi EEPROMs take the first block of a file, abort, and know that
 * it exists. A full disk is never a look; and ERROR 8 where no size was asked means that our options are unwelcome.
 */
export function isProbe({
  code,
  askedSize,
  ackedBlocks,
}: {
  readonly code: number;
  readonly askedSize: boolean;
  /** DATA blocks that the client has acknowledged. */
  readonly ackedBlocks: number;
}): boolean {
  if (ackedBlocks > 1 || code === TFTP_ERROR.diskFull) return false;
  return code !== TFTP_ERROR.optionRefused || askedSize;
}
