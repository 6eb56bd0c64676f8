import type { RemoteInfo } from 'node:dgram';
import { busyPoll } from './busy-poll.ts';
import type { Endpoint, TftpDatagram, TftpEvent, TftpFile, TftpFiles, TftpLimits, TftpParty } from './contract.ts';
import { type DatagramTap, datagramTap } from './datagrams.ts';
import { isProbe } from './decide/abort.ts';
import { tftpAdmission } from './decide/admission.ts';
import { toNetascii } from './decide/netascii.ts';
import { blksizeForMtu, type Negotiated, negotiateOptions } from './decide/options.ts';
import { type Request, requestOf } from './decide/request.ts';
import { type Listener, unscoped } from './listeners.ts';
import { startTransfer, type Transfer, type TransferOutcome } from './transfer.ts';
import { closeUdp, openUdp } from './udp-socket.ts';
import { decodeTftp, encodeTftp, TFTP_ERROR } from './wire/packet.ts';

type ReadRequest = Extract<Request, { kind: 'read' }>;

/** From a datagram on a listening socket to the end of the transfer that it asks for. */
export function tftpService({
  files,
  events,
  datagrams,
  limits,
  rollover,
  singlePort,
  clock,
}: {
  readonly files: TftpFiles;
  readonly events: (event: TftpEvent) => void;
  readonly datagrams: ((datagram: TftpDatagram) => void) | undefined;
  readonly limits: TftpLimits;
  readonly rollover: 0 | 1;
  readonly singlePort: boolean;
  readonly clock: { now(): number };
}) {
  const admission = tftpAdmission(limits);
  const awake = busyPoll();
  /** By local address and peer, from request to end; undefined while the file is being opened. */
  const running = new Map<string, Transfer | undefined>();
  const work = new Set<Promise<void>>();
  let stopping = false;

  function emit(event: TftpEvent): void {
    try {
      events(event);
    } catch (error) {
      // A fault of whoever listens is not the client's: the transfer goes on.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  function received(listener: Listener, bytes: Uint8Array, from: RemoteInfo): void {
    const key = keyOf(listener, from);
    const transfer = singlePort ? running.get(key) : undefined;
    if (transfer && !isRequest(bytes)) {
      awake.heard();
      transfer.receive(bytes);
      return;
    }
    // The client repeats a request that it believes lost; the answer is on its way, or its timer is running.
    if (stopping || running.has(key)) return;
    const peer: Endpoint = { address: unscoped(from.address), port: from.port };
    const drop = (because: string) => emit({ kind: 'dropped', peer, local: listener.local, because });
    const rate = admission.request(from.address, clock.now());
    if (rate === 'first-refusal') drop('too many requests from this address');
    if (rate !== 'admitted') return;
    const decoded = decodeTftp(bytes);
    if (decoded.kind === 'malformed') {
      drop(`malformed: ${decoded.because}`);
      return;
    }
    const request = requestOf(decoded.packet);
    switch (request.kind) {
      case 'ignore':
        drop(request.because);
        return;
      case 'refuse': {
        const { code, because } = request;
        const party = { peer, local: listener.local, name: request.name.slice(0, 255) };
        const tap = datagramTap(datagrams, party);
        refuse(listener, from, { party, tap, request: bytes }, { code, because });
        return;
      }
      case 'read': {
        const entered = admission.enter(from.address);
        // Silence rather than an error: the client asks again, and by then a place may be free.
        if (entered !== 'entered') {
          drop(entered);
          return;
        }
        running.set(key, undefined);
        const done = read(listener, from, peer, { request, bytes }).finally(() => {
          running.delete(key);
          admission.leave(from.address);
          work.delete(done);
        });
        work.add(done);
        return;
      }
      default:
        request satisfies never;
    }
  }

  function refuse(
    listener: Listener,
    from: RemoteInfo,
    about: { readonly party: TftpParty; readonly tap: DatagramTap; readonly request?: Uint8Array },
    { code, because }: Refusal,
  ): void {
    const error = encodeTftp({ kind: 'ERROR', code, text: because.replaceAll('\0', '') });
    listener.send(error, from);
    emit({ ...about.party, kind: 'refused', code, because });
    if (about.request) about.tap.came(about.request);
    about.tap.went(error);
  }

  /** Never rejects. */
  async function read(
    listener: Listener,
    from: RemoteInfo,
    peer: Endpoint,
    { request, bytes }: { readonly request: ReadRequest; readonly bytes: Uint8Array },
  ): Promise<void> {
    const startedAt = clock.now();
    const { path: name, mapped } = request;
    const mac = mapped.kind === 'machine' && mapped.key.by === 'mac' ? { mac: mapped.key.mac } : {};
    const party: TftpParty = { peer, local: listener.local, name, ...mac };
    const tap = datagramTap(datagrams, party);
    let file: TftpFile | undefined;
    try {
      emit({ ...party, kind: 'asked', mapped, options: describeOptions(request) });
      tap.came(bytes);
      const opened = await files.open({ name, mapped, peer, local: listener.local });
      if (opened.kind === 'refused') {
        refuse(listener, from, { party, tap }, opened);
        return;
      }
      file = opened;
      const content = request.mode === 'netascii' ? await netascii(opened, limits.netasciiBytes) : opened;
      if (content.kind === 'refused') {
        refuse(listener, from, { party, tap }, content);
        return;
      }
      const negotiated = negotiateOptions({
        options: request.options,
        // The size on the wire depends on the line ends, and RFC 2349 leaves open which one is meant.
        size: request.mode === 'netascii' ? undefined : content.size,
        caps: {
          blksize: blksizeForMtu(Math.min(limits.mtu, listener.mtu ?? limits.mtu), listener.family),
          windowsize: limits.windowsize,
          timeoutSeconds: limits.timeoutSeconds,
        },
      });
      const outcome = await transferOver(listener, from, { file: content, negotiated, tap });
      emit(eventOf(outcome, { party, negotiated, size: content.size, ms: clock.now() - startedAt }));
    } catch (error) {
      listener.send(encodeTftp({ kind: 'ERROR', code: TFTP_ERROR.undefined, text: 'the server failed' }), from);
      emit({ ...party, kind: 'failed', because: error instanceof Error ? error.message : String(error), error });
    } finally {
      file?.close();
    }
  }

  async function transferOver(
    listener: Listener,
    from: RemoteInfo,
    {
      file,
      negotiated,
      tap,
    }: {
      readonly file: Pick<TftpFile, 'size' | 'content'>;
      readonly negotiated: Negotiated;
      readonly tap: DatagramTap;
    },
  ): Promise<TransferOutcome> {
    const { promise, resolve } = Promise.withResolvers<TransferOutcome>();
    const firstTimeoutMs = negotiated.timeoutSeconds ? negotiated.timeoutSeconds * 1000 : limits.times.firstTimeoutMs;
    const common = { file, negotiated, rollover, times: { ...limits.times, firstTimeoutMs }, ended: resolve };
    const run = (transfer: Transfer) => {
      running.set(keyOf(listener, from), transfer);
      if (stopping) transfer.stop();
      return promise;
    };
    if (singlePort) {
      const send = (packet: Uint8Array) => {
        listener.send(packet, from);
        tap.went(packet);
        awake.sent();
      };
      const transfer = startTransfer({ ...common, send, sendsPending: () => listener.sendsPending() });
      return await run({
        ...transfer,
        receive(datagram) {
          tap.came(datagram);
          transfer.receive(datagram);
        },
      });
    }
    // RFC 1350 §4: who is not the peer is told so, and the transfer goes on. An ERROR gets no ERROR.
    const strays = await openUdp({
      address: listener.bindAddress,
      port: 0,
      sharing: true,
      received(bytes, stray) {
        if (!isError(bytes)) strays.send(UNKNOWN_TRANSFER, stray.port, stray.address);
      },
      failed() {},
    });
    tap.at(strays.address().port);
    let transfer: Transfer | undefined;
    try {
      // The transfer's own socket is connected, which saves the kernel and Node a seventh of their work for each block.
      const socket = await openUdp({
        address: listener.bindAddress,
        port: strays.address().port,
        peer: from,
        sharing: true,
        received(bytes) {
          awake.heard();
          tap.came(bytes);
          transfer?.receive(bytes);
        },
        failed(error) {
          if ('code' in error && error.code === 'ECONNREFUSED') transfer?.peerGone();
          else transfer?.fail('the socket failed', error);
        },
      });
      try {
        const send = (packet: Uint8Array) => {
          socket.send(packet);
          tap.went(packet);
          awake.sent();
        };
        transfer = startTransfer({ ...common, send, sendsPending: () => socket.getSendQueueCount() });
        return await run(transfer);
      } finally {
        await closeUdp(socket);
      }
    } finally {
      await closeUdp(strays);
    }
  }

  return {
    received,
    /** Ends all transfers, telling their peers, and waits until their files and sockets are closed. */
    async stop(): Promise<void> {
      stopping = true;
      for (const transfer of running.values()) transfer?.stop();
      await Promise.all(work);
    },
  };
}

type Refusal = { readonly code: number; readonly because: string };

const UNKNOWN_TRANSFER = encodeTftp({ kind: 'ERROR', code: TFTP_ERROR.unknownTransfer, text: 'unknown transfer' });

const keyOf = (listener: Listener, from: RemoteInfo) => `${listener.bindAddress} ${from.address} ${from.port}`;

const isRequest = (bytes: Uint8Array) => bytes[0] === 0 && (bytes[1] === 1 || bytes[1] === 2);
const isError = (bytes: Uint8Array) => bytes[0] === 0 && bytes[1] === 5;

const describeOptions = ({ mode, options }: ReadRequest) =>
  [mode, ...options.map(({ name, value }) => `${name}=${value}`)].join(' ').slice(0, 255);

/** Converted as a whole: no block of netascii can be found without what comes before it. */
async function netascii(
  file: TftpFile,
  maxBytes: number,
): Promise<TftpFile | ({ readonly kind: 'refused' } & Refusal)> {
  if (file.size > maxBytes) {
    return { kind: 'refused', code: TFTP_ERROR.undefined, because: 'too large for netascii, ask for octet' };
  }
  const bytes = file.content instanceof Uint8Array ? file.content : await file.content(0, file.size);
  const content = toNetascii(bytes);
  return { ...file, size: content.length, content };
}

function eventOf(
  { end, ackedBlocks, ackedBytes: bytes, retransmits }: TransferOutcome,
  about: { readonly party: TftpParty; readonly negotiated: Negotiated; readonly size: number; readonly ms: number },
): TftpEvent {
  const { party, negotiated, size, ms } = about;
  const { blksize, windowsize, askedSize } = negotiated;
  switch (end.kind) {
    case 'sent':
      return { ...party, kind: 'sent', bytes, ms, retransmits, blksize, windowsize };
    case 'aborted-by-client': {
      const probe = isProbe({ code: end.code, askedSize, ackedBlocks });
      return { ...party, kind: 'aborted-by-client', code: end.code, text: end.text, probe, bytes };
    }
    case 'timed-out':
      return { ...party, kind: 'timed-out', stage: end.stage, bytes, size, ms };
    case 'failed':
      return { ...party, kind: 'failed', because: end.because, error: end.error };
    case 'stopped':
      return { ...party, kind: 'failed', because: 'the server is stopping' };
    default:
      return end satisfies never;
  }
}
