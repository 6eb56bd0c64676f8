/** What the shell does next. Blocks count from 1 and never wrap; `wireBlock` maps them. */
export type SenderStep =
  | { readonly kind: 'oack' }
  /** Send blocks `from` to `to`, both included, and start the timer. */
  | { readonly kind: 'data'; readonly from: number; readonly to: number }
  /** Nothing; the timer runs on as it is. */
  | { readonly kind: 'wait' }
  /** Nothing yet; the timer starts anew, with the short time that a gap is given to close by itself. */
  | { readonly kind: 'linger' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'gave-up'; readonly stage: SenderStage };

/** What the sender waits for. After `last-ack` the client most likely has the whole file. */
export type SenderStage = 'first-ack' | 'data' | 'last-ack';

export type SenderTimes = {
  /** First wait for an ACK; doubles on each retransmission. At least 1 s: a slow ROM answers late, and a duplicate
   * DATA packet hangs a Raspberry Pi 4 (raspberrypi/firmware#1631). */
  readonly firstTimeoutMs: number;
  readonly longestTimeoutMs: number;
  /** Retransmissions before anything was acknowledged: few, as the request's source may be forged. */
  readonly firstRetries: number;
  /** Retransmissions in a row without progress. */
  readonly retries: number;
  /** How long an ACK that reports a gap in a window is given to be followed by a better one. */
  readonly gapPatienceMs: number;
};

export type Sender = ReturnType<typeof tftpSender>;

/**
 * The block number on the wire, which has 16 bits. After 65535 nearly every client expects 0 (curl, iPXE, EDK2,
 * tftp-hpa); a few count on from 1. No RFC says which.
 */
export function wireBlock(block: number, rollover: 0 | 1): number {
  return rollover === 0 || block <= 0xffff ? block & 0xffff : ((block - 1) % 0xffff) + 1;
}

/**
 * Sends one file: given what happened, says what to do. Holds numbers only; the shell owns bytes, socket and timer,
 * and re-arms the timer with `timeoutMs()` whenever it sends.
 *
 * `blocks` counts the DATA packets of the whole file, the short or empty last one included.
 */
export function tftpSender({
  blocks,
  windowsize,
  withOack,
  rollover,
  times,
}: {
  readonly blocks: number;
  readonly windowsize: number;
  readonly withOack: boolean;
  readonly rollover: 0 | 1;
  readonly times: SenderTimes;
}) {
  /** -1 until ACK 0 answers our OACK (RFC 2347). */
  let acked = withOack ? -1 : 0;
  let sent = 0;
  let retries = 0;
  let heard = false;
  let timeoutMs = times.firstTimeoutMs;
  /** A gap after `acked` was reported and is given time to close. */
  let gapOpen = false;
  /** The block after which a gap has been answered: each gap is answered once (RFC 7440 §4). */
  let gapAnsweredAfter = -1;

  const wait: SenderStep = { kind: 'wait' };
  const linger: SenderStep = { kind: 'linger' };

  function window(): SenderStep {
    sent = Math.min(acked + windowsize, blocks);
    return { kind: 'data', from: acked + 1, to: sent };
  }

  /** The block in (acked, sent] that an ACK means, `acked` itself for a repeated one, undefined for one of another age. */
  function blockOf(ack: number): number | undefined {
    for (let block = sent; block >= acked && block >= 0; block--) if (wireBlock(block, rollover) === ack) return block;
    return undefined;
  }

  /**
   * An ACK below the end of the window: the receiver saw a gap after `acked`, so all that follows must come again (RFC
   * 7440 §4). Or it saw a packet twice: EDK2 acknowledges anything but the next block with the last good one. Or the
   * network doubled an ACK. Answering those two at once would double every packet of the rest of the file, the
   * Sorcerer's Apprentice (RFC 1123 §4.2.3.1) with a window. They differ in what comes next, so a better ACK is given a
   * moment to arrive. In lock-step a repeated ACK is never answered, only the timer resends.
   */
  function gap(): SenderStep {
    if (windowsize === 1 || gapOpen || gapAnsweredAfter === acked) return wait;
    gapOpen = true;
    return linger;
  }

  function stage(): SenderStage {
    if (!heard) return 'first-ack';
    return sent === blocks ? 'last-ack' : 'data';
  }

  return {
    start: (): SenderStep => (withOack ? { kind: 'oack' } : window()),

    ack(block: number): SenderStep {
      if (acked < 0) {
        if (block !== 0) return wait;
        acked = 0;
      } else {
        const found = blockOf(block);
        if (found === undefined) return wait;
        if (found === acked) return heard ? gap() : wait;
        acked = found;
      }
      heard = true;
      retries = 0;
      timeoutMs = times.firstTimeoutMs;
      gapOpen = false;
      if (acked === blocks) return { kind: 'finished' };
      return acked < sent ? gap() : window();
    },

    timeout(): SenderStep {
      if (gapOpen) {
        gapOpen = false;
        gapAnsweredAfter = acked;
        return window();
      }
      if (retries >= (heard ? times.retries : times.firstRetries)) {
        return { kind: 'gave-up', stage: stage() };
      }
      retries++;
      timeoutMs = Math.min(timeoutMs * 2, Math.max(times.longestTimeoutMs, times.firstTimeoutMs));
      return acked < 0 ? { kind: 'oack' } : { kind: 'data', from: acked + 1, to: sent };
    },

    stage,
    timeoutMs: () => (gapOpen ? times.gapPatienceMs : timeoutMs),
    /** DATA blocks acknowledged so far. */
    ackedBlocks: () => Math.max(acked, 0),
  };
}
