import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import type { FileResult } from './reported.ts';
import type { Result } from './result.ts';

/**
 * Turns what `node:test` reports into one JSON line per counted test, named with the suites around it.
 *
 * Suites are not counted, nor is a test that failed only because a test inside it did: that one is told already.
 */
// oxlint-disable-next-line import/no-default-export -- node:test takes a reporter as its module's default export
export default async function* jsonLines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const event of events) {
    if (event.type === 'test:start') {
      path.length = event.data.nesting;
      path.push(event.data.name);
    }
    const result = resultOf(event, path);
    if (result !== undefined) yield `${JSON.stringify(placed(result, event))}\n`;
  }
}

function placed(result: Result, { data }: TestEvent): FileResult {
  const file = data !== undefined && 'file' in data ? data.file : undefined;
  const details = data !== undefined && 'details' in data ? data.details : undefined;
  const durationMs = details !== undefined && 'duration_ms' in details ? details.duration_ms : 0;
  return { result, file, durationMs };
}

function resultOf(event: TestEvent, path: readonly string[]): Result | undefined {
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return undefined;
  const { data } = event;
  const name = path.slice(0, data.nesting).concat(data.name).join(' > ');
  // A test that is not expected to pass yet proves nothing either way.
  if (data.todo !== undefined) return { kind: 'skipped', name, reason: `to do: ${reasonText(data.todo)}` };
  if (data.skip !== undefined) return { kind: 'skipped', name, reason: reasonText(data.skip) };
  if (event.type === 'test:fail') {
    const { error } = event.data.details;
    if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
    return { kind: 'failed', name, detail: inspect(error.cause ?? error, { depth: 8, maxStringLength: 20_000 }) };
  }
  return data.details.type === 'suite' ? undefined : { kind: 'passed', name };
}

function reasonText(reason: string | boolean): string {
  return typeof reason === 'string' && reason !== '' ? reason : 'no reason given';
}
