import { TFTP_ERROR, type TftpOption, type TftpPacket } from '../wire/packet.ts';
import { type MappedName, mapName } from './lookup.ts';
import { normaliseName } from './name.ts';

/** What a packet that came to the listening port wants. */
export type Request =
  | {
      readonly kind: 'read';
      readonly path: string;
      readonly mapped: MappedName;
      readonly mode: 'octet' | 'netascii';
      readonly options: readonly TftpOption[];
    }
  | { readonly kind: 'refuse'; readonly name: string; readonly code: number; readonly because: string }
  | { readonly kind: 'ignore'; readonly because: string };

/** The order of these checks is the order of the answers: a write is refused before its name is looked at. */
export function requestOf(packet: TftpPacket): Request {
  if (packet.kind !== 'RRQ' && packet.kind !== 'WRQ') {
    // No ERROR 5: two programs that answer stray packets with errors would go on for ever.
    return { kind: 'ignore', because: `${packet.kind} outside of a transfer` };
  }
  const refuse = (code: number, because: string): Request => ({ kind: 'refuse', name: packet.filename, code, because });
  if (packet.kind === 'WRQ') return refuse(TFTP_ERROR.accessViolation, 'this server is read-only');
  const mode = packet.mode.toLowerCase();
  if (mode !== 'octet' && mode !== 'netascii') {
    return refuse(TFTP_ERROR.illegalOperation, 'the mode must be octet or netascii');
  }
  const name = normaliseName(packet.filename);
  if (name.kind === 'refused') return refuse(name.code, name.because);
  return { kind: 'read', path: name.path, mapped: mapName(name.path), mode, options: packet.options };
}
