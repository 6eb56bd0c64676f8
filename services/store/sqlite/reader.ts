import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { failureOf } from './failure.ts';

type Value = string | number;

/** The main thread's connection. It only reads: a second writer would stall the event loop while the first commits. */
export type Reader = {
  /** Rows that come all at once: only where their number has a bound. */
  readonly rows: <Row>(sql: string) => (...values: readonly Value[]) => Promise<readonly Row[]>;
  /** The same, of rows that have a `body` of JSON which this store wrote itself. */
  readonly bodies: <T>(sql: string) => (...values: readonly Value[]) => Promise<readonly T[]>;
  readonly close: () => void;
};

export function openReader(file: string): Reader {
  function told<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const { code, message } = failureOf(error, file);
      throw new StoreError(code, message, { cause: error });
    }
  }
  const db = told(() => new Database(file, { readonly: true }));
  const rows: Reader['rows'] = <Row>(sql: string) => {
    const statement = told(() => db.prepare<Value[], Row>(sql));
    return async (...values) => {
      if (!db.open) throw new StoreError('closed', 'the store is closed');
      return told(() => statement.all(...values));
    };
  };
  return {
    rows,
    bodies<T>(sql: string) {
      const statement = rows<{ readonly body: string }>(sql);
      return async (...values) => (await statement(...values)).map(({ body }) => JSON.parse(body) as T);
    },
    close: () => void db.close(),
  };
}

/** As many rows as are read and parsed in a few ms. */
export const PAGE = 500;

/** All of them, a page at a time: packets are answered in between. `page` gives those that follow, in order. */
export async function inPages<T>(page: (last: T | undefined) => Promise<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = [];
  for (;;) {
    const some = await page(all.at(-1));
    all.push(...some);
    if (some.length < PAGE) return all;
    await setImmediate();
  }
}
