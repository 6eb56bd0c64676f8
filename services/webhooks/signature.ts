import { createHmac } from 'node:crypto';

/**
 * Headers of a delivery. `Ingot-Signature: sha256=HEX` is the HMAC-SHA256 (RFC 2104) over `ID.TIMESTAMP.BODY` under the
 * webhook's secret. The receiver refuses what is older than it likes, and an id that it has seen before.
 */
export function signedHeaders(message: {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
  readonly event: string;
  readonly secret: string;
}): Readonly<Record<string, string>> {
  const { id, timestamp, body, event, secret } = message;
  return {
    'content-type': 'application/json',
    'user-agent': 'ingot',
    'ingot-id': id,
    'ingot-event': event,
    'ingot-timestamp': String(timestamp),
    'ingot-signature': `sha256=${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('hex')}`,
  };
}
