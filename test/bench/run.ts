import { apiListRows } from './api-list.ts';
import { benchBmcPoll } from './bmc-poll.ts';
import { benchDhcp } from './dhcp4.ts';
import { benchHttp } from './http.ts';
import { benchIpmi } from './ipmi.ts';
import { type BenchRow, formatRows, verdictOf } from './row.ts';
import { benchStorm } from './storm.ts';
import { benchStore } from './store.ts';
import { benchStream } from './stream.ts';
import { benchTftp } from './tftp.ts';
import { watcherRows } from './watchers.ts';

// `npm run bench`, or `npm run bench -- dhcp tftp`: ours beside the peers', measured in one run on this machine.
const BENCHES: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  dhcp: benchDhcp,
  tftp: benchTftp,
  http: benchHttp,
  store: benchStore,
  storm: benchStorm,
  api: apiListRows,
  sse: watcherRows,
  bmc: benchBmcPoll,
  ipmi: benchIpmi,
  stream: benchStream,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`bench: got ${unknown.join(', ')}, want some of: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}
const rows: BenchRow[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stderr.write(`measuring ${name}\n`);
  try {
    rows.push(...(await bench()));
  } catch (error) {
    process.stderr.write(`${name} was not measured: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
const missed = rows.filter((row) => verdictOf(row) === 'not met').length;
process.stdout.write(
  `${formatRows(rows)}\n\n${missed === 0 ? 'Every target was met.' : `${missed} targets were not met.`}\n`,
);
