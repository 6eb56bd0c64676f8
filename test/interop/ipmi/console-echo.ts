import assert from 'node:assert/strict';
import type { BmcConsole } from '#services/bmc/contract.ts';

/** Types that many lines, more than one packet takes, into a console that gives back what is typed: all of it, once. */
export async function assertEchoes(console: BmcConsole, lines: number): Promise<AsyncIterator<Uint8Array>> {
  const sent = Array.from({ length: lines }, (_, line) => `line ${line} of what is typed\r\n`).join('');
  const writing = console.write(new TextEncoder().encode(sent));
  const output = console.output[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let got = '';
  while (got.length < sent.length) {
    const next = await output.next();
    if (next.done === true) break;
    got += decoder.decode(next.value, { stream: true });
  }
  await writing;
  assert.equal(got, sent);
  return output;
}
