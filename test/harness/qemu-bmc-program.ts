import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import { BMC_PROFILES } from '#machines/rack/bmc/quirks.ts';
import { bmcTls, startBmc } from '#machines/rack/bmc/start-bmc.ts';
import { startProgram } from '#test/lab/program.ts';
import { qemuMachine } from './qemu-backend.ts';
import type { QemuBmcOrder } from './qemu-bmc.ts';

// Runs inside a lab's namespace: a machine in QEMU and its BMC, until SIGTERM. What it is to be is one JSON argument.
// Written by qemu-bmc.ts of this very checkout.
const order = JSON.parse(process.argv[2] ?? '') as QemuBmcOrder;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
let programs = 0;
const lab = {
  folder: order.folder,
  addTap: () => order.tap,
  start: (command: readonly [string, ...string[]]) =>
    startProgram({ name: 'qemu', command, logFile: join(order.folder, `${order.tap}-qemu-${programs++}.log`) }),
};
await using machine = await qemuMachine(lab, order.machine);
machine.onConsole((bytes) => appendFileSync(order.serialFile, bytes));
let told = 0;
machine.onStage((stage) => {
  for (; told < machine.boots.length; told++) console.log(`boot ${JSON.stringify(machine.boots[told])}`);
  console.log(`stage ${stage}`);
});
await using bmc = await startBmc({
  identity: order.hardware,
  backend: machine,
  address: order.address,
  ports: { redfish: 443, ipmi: 623 },
  profile: BMC_PROFILES[order.profile],
  credentials: [order.credential],
  tls: await bmcTls(await makeBmcCertificate()),
  signal: stop.signal,
});
console.log(`listening ${bmc.url} ${bmc.ipmi}`);
await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
