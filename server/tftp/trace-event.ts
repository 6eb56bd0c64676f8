import type { TraceBody } from '#machines/contract/trace.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { TftpEvent } from './contract.ts';

/** What a boot's trace keeps of a TFTP event. What concerns no client's file is for the log alone. */
export function traceEventOf(
  event: TftpEvent,
): { readonly address: IpAddress; readonly mac?: MacAddress; readonly body: TraceBody } | undefined {
  const body = bodyOf(event);
  if (!body) return undefined;
  const mac = 'mac' in event ? event.mac : undefined;
  return { address: ('peer' in event ? event.peer : event.local).address, ...(mac ? { mac } : {}), body };
}

function bodyOf(event: TftpEvent): TraceBody | undefined {
  switch (event.kind) {
    case 'asked':
      return { kind: 'tftp-asked', file: event.name, options: event.options };
    case 'sent':
      return {
        kind: 'tftp-sent',
        file: event.name,
        bytes: event.bytes,
        ms: Math.round(event.ms),
        resent: event.retransmits,
      };
    case 'aborted-by-client':
      return { kind: 'tftp-aborted', file: event.name, probe: event.probe, bytes: event.bytes, text: event.text };
    case 'timed-out':
      return { kind: 'tftp-timeout', file: event.name, bytes: event.bytes, size: event.size, ms: Math.round(event.ms) };
    case 'refused':
    case 'failed':
      return { kind: 'tftp-refused', file: event.name, because: event.because };
    case 'dropped':
    case 'listening':
    case 'not-listening':
      return undefined;
    default:
      return event satisfies never;
  }
}
