import type { Events } from './events.ts';
import type { Host } from './host.ts';
import type { AgentLog } from './log.ts';

type How = 'reboot' | 'shutdown';

/** The values of reboot(2), which the event stream shows (include/uapi/linux/reboot.h). */
const COMMANDS: Readonly<Record<How, number>> = { reboot: 0x01234567, shutdown: 0x4321fedc };

/** The one way to end this boot: for the machine API, the daemon's orders and the agent itself. */
export type Restarts = {
  /**
   * Begins, and gives the id that the events of it carry. While one is under way another only says so in an event, as
   * the machine API does: the answer to the call is not the proof.
   */
  begin(how: How): string;
  /** One has begun, and did not fail. */
  running(): boolean;
  /** Fulfilled when one has begun. */
  readonly begun: Promise<How>;
};

export function openRestarts(parts: {
  readonly host: Host;
  readonly events: Events;
  readonly log: AgentLog;
  /** Tells whoever listens, and closes what is open; bounded in time by itself. */
  readonly leave: (how: How) => Promise<void>;
}): Restarts {
  const { host, events, log } = parts;
  const { promise: begun, resolve } = Promise.withResolvers<How>();
  let running = false;

  async function run(how: How, actor: string): Promise<void> {
    log.info(`${how} begins`);
    events.publish('machine.SequenceEvent', { sequence: how, action: 'START' }, actor);
    events.publish('machine.MachineStatusEvent', {
      stage: how === 'reboot' ? 'REBOOTING' : 'SHUTTING_DOWN',
      status: { ready: false },
    });
    const command = COMMANDS[how];
    events.publish('machine.RestartEvent', { cmd: command }, actor);
    // A sequence that ends in the machine's end has no other way to say that it went well.
    const error = { code: 'FATAL', message: `unix.Reboot(${command.toString(16)})` } as const;
    events.publish('machine.SequenceEvent', { sequence: how, action: 'NOOP', error }, actor);
    await parts.leave(how);
    await host.restart(how);
  }

  return {
    begun,
    running: () => running,
    begin(how) {
      const actor = uuid(host.randomBytes(16));
      if (running) {
        const error = { code: 'LOCKED', message: 'another sequence is under way' } as const;
        events.publish('machine.SequenceEvent', { sequence: how, action: 'NOOP', error }, actor);
        return actor;
      }
      running = true;
      resolve(how);
      run(how, actor).catch((cause: unknown) => {
        running = false;
        log.error(`${how} failed: ${String(cause)}`);
      });
      return actor;
    },
  };
}

/** RFC 9562, version 4. */
function uuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte, index) => {
    const marked = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return marked.toString(16).padStart(2, '0');
  }).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
