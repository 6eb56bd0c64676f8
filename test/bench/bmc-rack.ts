import { rackHardware } from '#machines/rack/bmc/hardware.ts';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import { simulatedPower } from '#machines/rack/bmc/power-backend.ts';
import { bmcTls, startBmc } from '#machines/rack/bmc/start-bmc.ts';
import { macFromBytes } from '#machines/values/mac-address.ts';
import { uuidFromBytes } from '#machines/values/uuid.ts';

// A process of its own for bmc-poll: N BMCs on addresses of loopback, told to the parent when all listen.
const count = Number(process.argv[2] ?? '1000');
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('disconnect', () => process.exit());
// One certificate for all: to make one takes longer than a bench may.
const tls = await bmcTls(await makeBmcCertificate());
const bmcs = [];
for (let at = 0; at < count; at += 1) {
  const [high, low] = [Math.floor(at / 250), 1 + (at % 250)];
  const identity = rackHardware({
    name: `node${at}`,
    mac: macFromBytes(Uint8Array.of(0x52, 0x54, 0, 0, high, low)),
    uuid: uuidFromBytes(Uint8Array.of(0x52, 0x54, 0, 0, high, low, 0x40, 0, 0x80, 0, 0, 0, 0, 0, high, low)),
    serial: `SN${at}`,
    manufacturer: 'Simulated',
    product: 'Server 1',
    firmware: 'uefi',
    faults: [],
  });
  const backend = simulatedPower({
    boot: async ({ stage }) => {
      stage('running');
      return 'stays-on';
    },
    shutdownMs: 10,
    onError: (error) => {
      throw error;
    },
  });
  bmcs.push(
    await startBmc({
      identity,
      backend,
      address: `127.78.${high}.${low}`,
      credentials: [{ username: 'ingot', password: 'right-Password1', role: 'Administrator' }],
      tls,
      ports: { redfish: 0, ipmi: 0 },
      signal: stop.signal,
    }),
  );
}
process.send?.(bmcs.map(({ url, ipmi }) => ({ redfish: url, ipmi })));
