import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { BootChoice } from '#machines/rack/bmc/boot-override.ts';
import type { BootStage, PowerBackend } from '#machines/rack/bmc/power-backend.ts';
import { firmwareArgs, type GuestTools, type PcFirmware } from '#test/lab/guest.ts';
import type { Lab } from '#test/lab/lab.ts';
import type { Program } from '#test/lab/program.ts';
import { waitFor } from '#test/lab/wait.ts';

/** A machine that a BMC switches, and what a test may want to know of it. */
export type QemuMachine = PowerBackend & {
  readonly mac: string;
  /** What each boot attempt was started as. */
  readonly boots: readonly QemuBoot[];
  /** All that came out of its serial port, boot after boot, without carriage returns. */
  readonly serial: () => string;
  /** Waits for it; throws, with the end of it, when the time (ms) is over. */
  waitForSerial(pattern: RegExp, limitMs: number): Promise<RegExpExecArray>;
  waitForStage(stage: BootStage, limitMs: number): Promise<void>;
  /** QEMU's process while the machine has power. */
  readonly pid: () => number | undefined;
};

/** `first` is tried before the other; a machine told to boot a medium or its setup has nothing that it could start. */
export type QemuBoot = { readonly firmware: PcFirmware; readonly first: 'network' | 'disk' | 'nothing' };

/** Linux has begun: from here on the power button is its own. */
const RUNNING = /Linux version /;

/** QEMU Machine Protocol: its greeting, and why it shuts down. */
const qmpMessage = z.object({
  QMP: z.unknown().optional(),
  event: z.string().optional(),
  data: z.object({ reason: z.string().optional() }).optional(),
});

/**
 * A machine in QEMU, for a simulated BMC: power starts and kills the process, each boot attempt takes what the BMC wants
 * of it, and a reboot from inside is such an attempt as well. The serial port is the BMC's console. It has one port of
 * the lab's bridge, and is off when it is made; it ends with the lab at the latest.
 */
export async function qemuMachine(
  lab: Pick<Lab, 'folder' | 'addTap' | 'start'>,
  options: {
    readonly tools: GuestTools;
    /** What it starts as when its BMC does not say otherwise. */
    readonly firmware: PcFirmware;
    /** It starts as that whatever mode its BMC wants, as machines with one kind of firmware do. */
    readonly ignoresMode?: boolean;
    /** The firmware's own order; default: network. */
    readonly order?: 'network' | 'disk';
    /** Default: 52:54:00:00:00:01. */
    readonly mac?: string;
    readonly uuid?: string;
    readonly memoryMb?: number;
    /** A raw image or what makeDisk returned. */
    readonly disk?: string;
    readonly extraArgs?: readonly string[];
  },
): Promise<QemuMachine> {
  const { tools, mac = '52:54:00:00:00:01', order = 'network' } = options;
  const tap = lab.addTap();
  const listeners = { console: new Set<(bytes: Uint8Array) => void>(), stage: new Set<(stage: BootStage) => void>() };
  const boots: QemuBoot[] = [];
  let stage: BootStage = 'off';
  let said = '';
  let saidBefore = 0;
  let current: Running | undefined;

  // QEMU comes to us, so that not a byte of its first ones is lost.
  const sockets = { serial: join(lab.folder, `${tap}-serial.sock`), qmp: join(lab.folder, `${tap}-qmp.sock`) };
  const serialServer = await listenAt(sockets.serial, (socket) => {
    if (current) current.serial = socket;
    socket.on('data', heard);
  });
  const qmpServer = await listenAt(sockets.qmp, (socket) => {
    const running = current;
    if (running) running.qmp = socket;
    createInterface({ input: socket }).on('line', (line) => {
      const message = qmpMessage.parse(JSON.parse(line));
      if (message.QMP !== undefined) socket.write('{"execute":"qmp_capabilities"}\n');
      if (running && message.event === 'SHUTDOWN') running.reason = message.data?.reason;
    });
  });

  function heard(bytes: Uint8Array): void {
    said += new TextDecoder('latin1').decode(bytes).replaceAll('\r', '');
    // Whatever the firmware shows first, it shows when it has begun to look for something to boot.
    if (stage === 'self-test') setStage('loading');
    if (stage === 'loading' && RUNNING.test(said.slice(saidBefore))) setStage('running');
    for (const listener of listeners.console) listener(bytes);
  }

  function setStage(next: BootStage): void {
    if (stage === next) return;
    stage = next;
    for (const listener of listeners.stage) listener(next);
  }

  function start(takeBoot: () => BootChoice): void {
    const wanted = bootOf(takeBoot(), options.firmware, order);
    const boot = options.ignoresMode ? { ...wanted, firmware: options.firmware } : wanted;
    boots.push(boot);
    saidBefore = said.length;
    const program = lab.start([tools['qemu-system-x86_64'], ...argumentsOf(boot)], { name: `qemu-${tap}` });
    const running: Running = { program };
    current = running;
    setStage('self-test');
    void goOn(running, takeBoot);
  }

  async function goOn(running: Running, takeBoot: () => BootChoice): Promise<void> {
    await running.program.ended;
    running.qmp?.destroy();
    running.serial?.destroy();
    if (current !== running) return;
    current = undefined;
    // `-no-reboot` makes an end of it, so that the next attempt can be another one.
    if (running.reason === 'guest-reset') start(takeBoot);
    else setStage('off');
  }

  function argumentsOf({ firmware, first }: QemuBoot): string[] {
    const disk = options.disk;
    const networkAt = first === 'nothing' ? '' : `,bootindex=${first === 'network' ? 1 : 2}`;
    const diskAt = first === 'nothing' ? '' : `,bootindex=${first === 'disk' ? 1 : 2}`;
    // An empty romfile leaves the card to the firmware's own network stack.
    const rom = firmware === 'bios-pxe' ? '' : ',romfile=';
    return [
      ['-accel', 'tcg,thread=multi', '-m', String(options.memoryMb ?? 512)],
      ['-display', 'none', '-monitor', 'none', '-no-reboot'],
      ['-chardev', `socket,id=serial,path=${sockets.serial}`, '-serial', 'chardev:serial'],
      ['-qmp', `unix:${sockets.qmp}`],
      firmwareArgs(lab, { tools, firmware, tap }),
      ['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
      ['-device', `virtio-net-pci,netdev=n0,mac=${mac}${networkAt}${rom}`],
      disk === undefined
        ? []
        : ['-drive', `file=${disk},if=none,id=d0,format=raw`, '-device', `virtio-blk-pci,drive=d0${diskAt}`],
      options.uuid === undefined ? [] : ['-uuid', options.uuid],
      options.extraArgs ?? [],
    ].flat();
  }

  async function off(): Promise<void> {
    const running = current;
    current = undefined;
    if (running) {
      running.program.signal('SIGKILL');
      await running.program.ended;
    }
    setStage('off');
  }

  const machine: QemuMachine = {
    mac,
    boots,
    serial: () => said,
    async waitForSerial(pattern, limitMs) {
      try {
        return await waitFor(`the machine’s ${pattern}`, () => pattern.exec(said) ?? undefined, limitMs);
      } catch (cause) {
        const qemu = current?.program.output() ?? 'nothing, it is off';
        throw new Error(`it did not say ${pattern}; its console ended:\n${said.slice(-4000)}\nqemu said: ${qemu}`, {
          cause,
        });
      }
    },
    waitForStage: async (wanted, limitMs) =>
      void (await waitFor(`the machine to be ${wanted}`, () => stage === wanted, limitMs)),
    pid: () => current?.program.pid,
    stage: () => stage,
    async on(takeBoot) {
      await off();
      start(takeBoot);
    },
    off,
    soft: () => void current?.qmp?.write('{"execute":"system_powerdown"}\n'),
    onConsole(listener) {
      listeners.console.add(listener);
      return () => void listeners.console.delete(listener);
    },
    type: (bytes) => void current?.serial?.write(bytes),
    onStage(listener) {
      listeners.stage.add(listener);
      return () => void listeners.stage.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      await off();
      await Promise.all([serialServer, qmpServer].map(closed));
    },
  };
  return machine;
}

type Running = {
  readonly program: Program;
  serial?: Socket;
  qmp?: Socket;
  /** QEMU's word for why it ends. */
  reason?: string | undefined;
};

/** What the BMC wants, as far as a firmware here can do it. */
function bootOf({ device, mode }: BootChoice, usual: PcFirmware, order: 'network' | 'disk'): QemuBoot {
  const pxe: PcFirmware = mode === 'uefi' ? 'uefi-pxe' : 'bios-pxe';
  switch (device) {
    case 'none':
      return { firmware: usual, first: order };
    case 'network':
      return { firmware: pxe, first: 'network' };
    case 'http':
      return { firmware: 'uefi-http', first: 'network' };
    case 'disk':
      return { firmware: pxe, first: 'disk' };
    case 'media':
    case 'setup':
      return { firmware: pxe, first: 'nothing' };
    default:
      return device satisfies never;
  }
}

async function listenAt(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    // It goes with its process, which may be killed at any moment.
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
