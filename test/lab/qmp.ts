import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** QEMU's own figures of a block device, since it was powered on. */
export type BlockStatistics = {
  readonly id: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writtenBytes: number;
  readonly discards: number;
};

/**
 * What a guest has done to its disks, as QEMU counted it: nothing inside the guest can hide a write from it. `socket` is
 * that of `-qmp unix:PATH,server=on,wait=off`.
 */
export async function blockStatistics(socket: string): Promise<readonly BlockStatistics[]> {
  const connection = connect(socket);
  const lines = createInterface({ input: connection });
  const answers = lines[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => {
    for (;;) {
      const { value, done } = await answers.next();
      if (done === true) throw new Error('QEMU closed its monitor');
      const message = JSON.parse(value) as Record<string, unknown>;
      if ('error' in message) throw new Error(`QEMU: ${JSON.stringify(message['error'])}`);
      if (!('event' in message)) return message;
    }
  };
  try {
    await once(connection, 'connect');
    await next();
    connection.write('{"execute":"qmp_capabilities"}\n');
    await next();
    connection.write('{"execute":"query-blockstats"}\n');
    const { return: devices } = await next();
    return (devices as readonly Device[]).map(({ device, qdev, stats }) => ({
      id: device === '' ? (qdev ?? '') : device,
      reads: stats.rd_operations,
      readBytes: stats.rd_bytes,
      writes: stats.wr_operations,
      writtenBytes: stats.wr_bytes,
      discards: stats.unmap_operations,
    }));
  } finally {
    lines.close();
    connection.destroy();
  }
}

type Device = {
  readonly device: string;
  readonly qdev?: string;
  readonly stats: Readonly<
    Record<'rd_operations' | 'rd_bytes' | 'wr_operations' | 'wr_bytes' | 'unmap_operations', number>
  >;
};
