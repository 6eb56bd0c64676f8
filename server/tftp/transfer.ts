import { blockReader } from './block-reader.ts';
import type { TftpFile } from './contract.ts';
import type { Negotiated } from './decide/options.ts';
import { type SenderStage, type SenderStep, type SenderTimes, tftpSender, wireBlock } from './decide/sender.ts';
import { ackBlock, DATA_HEADER_BYTES, decodeTftp, encodeTftp, TFTP_ERROR, writeDataHeader } from './wire/packet.ts';

/** Sends one packet to the peer. Errors are not told: a lost packet and one that could not leave look the same. */
export type SendPacket = (packet: Uint8Array) => void;

export type TransferEnd =
  | { readonly kind: 'sent' }
  | { readonly kind: 'aborted-by-client'; readonly code: number; readonly text: string }
  | { readonly kind: 'timed-out'; readonly stage: SenderStage }
  | { readonly kind: 'failed'; readonly because: string; readonly error?: unknown }
  | { readonly kind: 'stopped' };

export type TransferOutcome = {
  readonly end: TransferEnd;
  readonly ackedBlocks: number;
  readonly ackedBytes: number;
  readonly retransmits: number;
};

export type Transfer = {
  /** A datagram from the peer; anything else must not get here. Never throws. */
  receive(datagram: Uint8Array): void;
  /** End it from our side; the peer is told. */
  stop(): void;
  fail(because: string, error: unknown): void;
  /** The peer's port is closed, as its system says (ICMP). */
  peerGone(): void;
};

/**
 * Runs one transfer: sends, takes ACKs, keeps the timer. `ended` is called exactly once, after which nothing is sent.
 * The caller keeps file and socket open until then.
 *
 * Where the time goes (perf, eight clients in lock-step at blksize 1428, two cores shared with them): 61 % kernel, of it
 * a third waking the clients, 25 % Node's C++, 9 % libc (a 64 KiB buffer for each datagram received), 4 % JavaScript. So
 * there is little left to gain here. A second server process beside the first brought 6 to 8 %: the cores were all taken.
 *
 * `sendsPending` says how many earlier packets still wait in user space to be sent.
 */
export function startTransfer({
  file,
  negotiated,
  rollover,
  times,
  send,
  sendsPending,
  ended,
}: {
  readonly file: Pick<TftpFile, 'size' | 'content'>;
  readonly negotiated: Negotiated;
  readonly rollover: 0 | 1;
  readonly times: SenderTimes;
  readonly send: SendPacket;
  readonly sendsPending: () => number;
  readonly ended: (outcome: TransferOutcome) => void;
}): Transfer {
  const { blksize, windowsize } = negotiated;
  const blocks = Math.floor(file.size / blksize) + 1;
  const reader = blockReader(file);
  const sender = tftpSender({ blocks, windowsize, withOack: negotiated.oack.length > 0, rollover, times });
  // One buffer per place in the window, filled again and again: the kernel has copied a packet when `send` returns,
  // unless its buffer was full and the packet waits in user space; then a window gets buffers of its own.
  let slots = newSlots();
  let highest = 0;
  let retransmits = 0;
  let oackSent = false;
  let loading = false;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  let timerMs = 0;

  function newSlots(): readonly Uint8Array[] {
    const count = Math.min(windowsize, blocks);
    return Array.from({ length: count }, () => Buffer.allocUnsafeSlow(DATA_HEADER_BYTES + blksize));
  }

  /** `refresh` moves a timer without making a new one, which would cost more than the rest of our work for an ACK. */
  function arm(): void {
    const ms = sender.timeoutMs();
    if (timer && ms === timerMs) {
      timer.refresh();
      return;
    }
    clearTimeout(timer);
    timerMs = ms;
    timer = setTimeout(() => {
      perform(sender.timeout());
    }, ms);
  }

  function end(how: TransferEnd): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    const ackedBlocks = sender.ackedBlocks();
    ended({ end: how, ackedBlocks, ackedBytes: Math.min(ackedBlocks * blksize, file.size), retransmits });
  }

  function perform(step: SenderStep): void {
    if (over) return;
    switch (step.kind) {
      case 'wait':
        return;
      case 'linger':
        if (!loading) arm();
        return;
      case 'oack':
        if (oackSent) retransmits++;
        oackSent = true;
        send(encodeTftp({ kind: 'OACK', options: negotiated.oack }));
        arm();
        return;
      case 'data':
        sendBlocks(step.from, step.to);
        return;
      case 'finished':
        end({ kind: 'sent' });
        return;
      case 'gave-up':
        end({ kind: 'timed-out', stage: step.stage });
        return;
      default:
        step satisfies never;
    }
  }

  function sendBlocks(from: number, to: number): void {
    // The window that is being read is the one to send: no step can ask for another before its packets have left.
    if (loading) return;
    const offset = (from - 1) * blksize;
    const length = Math.min(to * blksize, file.size) - offset;
    const bytes = reader.view(offset, length);
    if (!bytes) {
      void readThenSend(from, to, offset, length);
      return;
    }
    if (sendsPending() > 0) slots = newSlots();
    for (let block = from; block <= to; block++) {
      const start = (block - from) * blksize;
      const data = bytes.subarray(start, start + blksize);
      const slot = slots[block - from] as Uint8Array;
      writeDataHeader(slot, wireBlock(block, rollover));
      slot.set(data, DATA_HEADER_BYTES);
      send(data.length === blksize ? slot : slot.subarray(0, DATA_HEADER_BYTES + data.length));
    }
    if (from <= highest) retransmits += Math.min(to, highest) - from + 1;
    highest = Math.max(highest, to);
    arm();
  }

  async function readThenSend(from: number, to: number, offset: number, length: number): Promise<void> {
    loading = true;
    // Our own disk is no reason to send again: the timer starts when the packets have left.
    clearTimeout(timer);
    timer = undefined;
    try {
      await reader.load(offset, length);
    } catch (error) {
      fail('the file could not be read', error);
      return;
    }
    loading = false;
    if (!over) sendBlocks(from, to);
  }

  function fail(because: string, error: unknown): void {
    if (over) return;
    send(encodeTftp({ kind: 'ERROR', code: TFTP_ERROR.undefined, text: because }));
    end({ kind: 'failed', because, error });
  }

  perform(sender.start());

  return {
    receive(datagram) {
      if (over) return;
      const block = ackBlock(datagram);
      if (block >= 0) {
        perform(sender.ack(block));
        return;
      }
      // Junk in a running transfer is passed over: only an ERROR means something here.
      const decoded = decodeTftp(datagram);
      if (decoded.kind !== 'packet' || decoded.packet.kind !== 'ERROR') return;
      end({ kind: 'aborted-by-client', code: decoded.packet.code, text: decoded.packet.text.slice(0, 255) });
    },
    stop() {
      if (over) return;
      send(encodeTftp({ kind: 'ERROR', code: TFTP_ERROR.undefined, text: 'the server is stopping' }));
      end({ kind: 'stopped' });
    },
    fail,
    peerGone() {
      // Who closes the port after the last block has it and lost its last ACK on the way; before, it changed its mind.
      const stage = sender.stage();
      if (stage === 'last-ack') end({ kind: 'timed-out', stage });
      else end({ kind: 'aborted-by-client', code: TFTP_ERROR.undefined, text: 'its port is closed' });
    },
  };
}
