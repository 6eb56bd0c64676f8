import { EXIT } from '#machines/contract/exit-status.ts';
import type { Daemon } from '../daemon.ts';
import { nameOf } from '../machine-names.ts';
import { note, type Terminal } from '../terminal.ts';

export type ConsoleOptions = { readonly readOnly?: boolean };

const ENTER = new Set([0x0a, 0x0d]);
const TILDE = 0x7e;
const DOT = 0x2e;

/**
 * What is typed until the person leaves, as ssh and ipmitool do it: `~.` at the beginning of a line leaves, `~~` there
 * types one tilde.
 */
export function escapeReader(): (typed: Uint8Array) => { readonly send: Uint8Array; readonly leaves: boolean } {
  let atStart = true;
  let sawTilde = false;
  return (typed) => {
    const send: number[] = [];
    for (const byte of typed) {
      if (sawTilde) {
        sawTilde = false;
        if (byte === DOT) return { send: Uint8Array.from(send), leaves: true };
        if (byte !== TILDE) send.push(TILDE);
      } else if (atStart && byte === TILDE) {
        sawTilde = true;
        continue;
      }
      send.push(byte);
      atStart = ENTER.has(byte);
    }
    return { send: Uint8Array.from(send), leaves: false };
  };
}

/** Bytes as they come, nothing of them interpreted: it is the person's terminal that the machine draws on. */
export async function showConsole(
  term: Terminal,
  daemon: Daemon,
  word: string,
  options: ConsoleOptions,
): Promise<number> {
  const name = await nameOf(daemon, word);
  const leave = new AbortController();
  const signal = AbortSignal.any([term.signal, leave.signal]);
  const { headers, body } = await daemon.open('openConsole', { params: { name } }, signal);
  const id = headers.get('ingot-console') ?? '';
  const canType = options.readOnly !== true && term.keys !== undefined;
  note(term, `${name}: console open${canType ? '; ~. at the beginning of a line leaves' : '; Ctrl-C leaves'}`);
  const typing = canType ? type(term, daemon, id, leave) : undefined;
  let left = false;
  try {
    for await (const chunk of body) term.out.write(chunk);
  } catch (error) {
    if (!signal.aborted) throw error;
    left = true;
  } finally {
    leave.abort();
    await typing;
  }
  note(term, '', left || signal.aborted ? `${name}: console closed` : `${name}: its BMC closed the console`);
  return EXIT.done;
}

async function type(term: Terminal, daemon: Daemon, id: string, leave: AbortController): Promise<void> {
  const read = escapeReader();
  for await (const typed of term.keys?.(leave.signal) ?? []) {
    const { send, leaves } = read(typed);
    if (send.length > 0) {
      const answer = await daemon.attempt('typeIntoConsole', { params: { id }, body: send });
      // A console that has ended tells so by itself.
      if ('problem' in answer && !leave.signal.aborted && answer.problem.code !== 'not-found')
        note(term, answer.problem.detail ?? answer.problem.title);
    }
    if (leaves) return leave.abort();
  }
}
