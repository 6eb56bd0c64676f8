import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { EXIT } from '../contract/exit-status.ts';
import { parseIpv4 } from '../values/ip-address.ts';
import { sure } from '../values/parsed.ts';
import { bmcPortsOf, chooseBmcPorts } from './bmc-ports.ts';
import { BMC_USER, bmcSecrets } from './bmc-secrets.ts';
import { type BmcFault, isBmcFault } from './bmc/faults.ts';
import { type BmcPorts, bmcTls } from './bmc/start-bmc.ts';
import { lineUp } from './line-up.ts';
import { simulatedNodes } from './node/nodes.ts';
import { documents, IMAGE_BYTES, prepare } from './prepare.ts';
import { type RackBmcs, type RackEvent, runBmcsAlone, runRack, runRackWithBmcs } from './rack.ts';
import { talosFaults } from './talos/decide/faults.ts';
import { FAULTS, type MachineSpec, QUIRKS, RACK_TIMES, type RackTimes } from './spec.ts';

// A rack of simulated machines, a process of its own that knows the daemon only by its sockets.
//   main.ts prepare --dir DIR --machines N     writes what they load, prints the documents to apply as one JSON array
//   main.ts run --dhcp IP:PORT --tftp-port N   powers them on and prints what is on their screens
//   … run --bmcs --dir DIR                     gives them BMCs, disks and the agent; goes on until it is stopped
//   … run --bmcs --talos-fault unwell=v1.14.1  Talos of that release never gets well; or no-boot, no-image, installer-fails
//   main.ts list --dir DIR --machines N        prints machines and where their BMCs are
//   main.ts bmcs --dir DIR --machines N        the BMCs without a daemon: their machines have nothing to load
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string', default: 'data/demo' },
    machines: { type: 'string', default: '8' },
    dhcp: { type: 'string', default: '127.0.0.1:6767' },
    'tftp-port': { type: 'string', default: '6969' },
    plain: { type: 'boolean', default: false },
    'kernel-bytes': { type: 'string', default: String(IMAGE_BYTES.kernel) },
    'initrd-bytes': { type: 'string', default: String(IMAGE_BYTES.initrd) },
    stagger: { type: 'string', default: '150' },
    'self-test': { type: 'string', default: '300' },
    'kernel-time': { type: 'string', default: '1500' },
    fault: { type: 'string', multiple: true, default: [] },
    bmcs: { type: 'boolean', default: false },
    'powered-off': { type: 'boolean', default: false },
    'redfish-port': { type: 'string' },
    'ipmi-port': { type: 'string' },
    'bmc-fault': { type: 'string', multiple: true, default: [] },
    'talos-fault': { type: 'string', multiple: true, default: [] },
    output: { type: 'string', short: 'o', default: 'text' },
  },
});
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

switch (positionals[0]) {
  case 'prepare':
    const dir = resolve(values.dir);
    await mkdir(dir, { recursive: true });
    await prepare(dir, { kernel: Number(values['kernel-bytes']), initrd: Number(values['initrd-bytes']) });
    await bmcSecrets(dir);
    await chooseBmcPorts(dir, places()[0]?.bmc.address ?? sure(parseIpv4('127.78.1.1')));
    process.stdout.write(`${JSON.stringify(documents(dir, places(), await bmcPorts()))}\n`);
    break;
  case 'list':
    await list();
    break;
  case 'bmcs':
    await mkdir(resolve(values.dir), { recursive: true });
    await runBmcsAlone({
      machines: places().map(({ spec }) => spec),
      times: times(),
      events: values.output === 'json' ? () => {} : print,
      bmcs: await bmcs(),
      signal: stop.signal,
    });
    break;
  case 'run':
    await run();
    break;
  default:
    process.stderr.write(`rack: got ${positionals[0] ?? 'nothing'}, want prepare, run, list or bmcs\n`);
    process.exitCode = EXIT.badInput;
}

/** With a story for whoever looks at it, or all alike. */
function places() {
  return lineUp(Number(values.machines), { story: !values.plain });
}

/** Those that were prepared, unless others are told. */
async function bmcPorts(): Promise<BmcPorts> {
  const { redfish, ipmi } = await bmcPortsOf(resolve(values.dir));
  return { redfish: Number(values['redfish-port'] ?? redfish), ipmi: Number(values['ipmi-port'] ?? ipmi) };
}

function times(): RackTimes {
  return { ...RACK_TIMES, selfTestMs: Number(values['self-test']), kernelMs: Number(values['kernel-time']) };
}

/** Every machine with its BMC: for people as columns, or as one JSON array. */
async function list(): Promise<void> {
  const { redfish, ipmi } = await bmcPorts();
  const rows = places().map(({ spec, bmc }) => ({
    name: spec.name,
    mac: spec.mac,
    firmware: spec.firmware,
    bmc: bmc.profile,
    redfish: `https://${bmc.address}:${redfish}`,
    ipmi: `${bmc.address}:${ipmi}`,
    username: BMC_USER,
  }));
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  for (const { name, firmware, bmc, ...at } of rows) {
    say(name, `${firmware.padEnd(11)} BMC ${bmc.padEnd(11)} ${at.redfish}  IPMI ${at.ipmi}`);
  }
}

async function run(): Promise<void> {
  const [address = '', port = ''] = values.dhcp.split(':');
  const rack = {
    machines: places().map(({ spec }) => withFaults(spec)),
    daemon: {
      dhcp: { address: sure(parseIpv4(address)), port: Number(port) },
      tftpPort: Number(values['tftp-port']),
    },
    staggerMs: Number(values.stagger),
    times: times(),
    events: values.output === 'json' ? writeEvent : print,
    signal: stop.signal,
  };
  try {
    if (values.bmcs) {
      const faults = talosFaults(values['talos-fault']);
      const nodes = simulatedNodes({
        dir: join(resolve(values.dir), 'nodes'),
        definition: loadMachineApi(),
        talos: { faults: () => faults },
      });
      // Nobody turns on what has nothing to start: a job does.
      const staysOff = new Set(places().flatMap(({ spec, standing }) => (standing === 'blank' ? [spec.name] : [])));
      await runRackWithBmcs({ ...rack, nodes, bmcs: await bmcs(), powersOn: !values['powered-off'], staysOff });
      return;
    }
    const results = await runRack(rack);
    const running = results.filter(({ kind }) => kind === 'running').length;
    process.stdout.write(`[simulated] ${running} of ${results.length} machines run\n`);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

/** The password and the certificate are the prepared directory's. */
async function bmcs(): Promise<RackBmcs> {
  const { password, certificate } = await bmcSecrets(resolve(values.dir));
  const at = new Map(places().map(({ spec, bmc }) => [spec.name, bmc]));
  return {
    of(machine) {
      const place = at.get(machine.name);
      return place && { ...place, faults: bmcFaults(machine) };
    },
    ports: await bmcPorts(),
    username: BMC_USER,
    password,
    tls: await bmcTls(certificate),
    async onListening() {
      // Lines of events are JSON objects, and nothing else.
      if (positionals[0] === 'bmcs' || values.output !== 'json') await list();
      if (values.output !== 'json') process.stdout.write(`[simulated] ${at.size} BMCs listen\n`);
    },
  };
}

/** `--bmc-fault sim-r1-u02=hangs` */
function bmcFaults(spec: MachineSpec): readonly BmcFault[] {
  return values['bmc-fault'].flatMap((text) => {
    const [name, fault = ''] = text.split('=');
    return name === spec.name && isBmcFault(fault) ? [fault] : [];
  });
}

function writeEvent(event: RackEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** `--fault sim-r1-u03=no-tftp` */
function withFaults(spec: MachineSpec): MachineSpec {
  const faults = values.fault.flatMap((text) => {
    const [name, fault] = text.split('=');
    return name === spec.name ? [...FAULTS, ...QUIRKS].filter((one) => one === fault) : [];
  });
  return faults.length > 0 ? { ...spec, faults } : spec;
}

function print(event: RackEvent): void {
  const { name } = event.machine;
  switch (event.kind) {
    case 'power-on':
      return say(name, `power on: ${event.machine.manufacturer} ${event.machine.product}`);
    case 'screen':
      return say(name, `screen: ${event.line}`);
    case 'ended': {
      const { result } = event;
      const ends = { running: 'runs', 'own-disk': 'boots its own disk', off: 'turned itself off' };
      const what = result.kind === 'stuck' ? `stuck: ${result.because}` : ends[result.kind];
      return say(name, `${what} after ${(event.ms / 1000).toFixed(1)} s`);
    }
    default:
      event satisfies never;
  }
}

function say(name: string, text: string): void {
  process.stdout.write(`[simulated] ${name} ${text}\n`);
}
