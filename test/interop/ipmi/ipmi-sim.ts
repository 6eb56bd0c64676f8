import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startProgram } from '#test/lab/program.ts';
import { waitFor } from '#test/lab/wait.ts';
import { freePort } from './fakebmc.ts';

/** OpenIPMI's simulator with one BMC on loopback; its machine is a file that says 0 or 1. */
export type IpmiSim = AsyncDisposable & {
  readonly port: number;
  readonly program: Program;
  /** What its hook was told, oldest first: `set power 1`, `set boot pxe`. Questions are left out. */
  orders(): Promise<readonly string[]>;
};

export const SIM_USER = { username: 'admin', password: 'secretpw' };
/** May have no more than privilege level user. */
export const SIM_LOOKER = { username: 'looker', password: 'lookpw' };
/** Of twenty characters it would keep only the first sixteen. */
export const SIM_KG = 'kg-of-16-charact';

// ipmi_sim reads the answer to the end of the file, and does nothing else meanwhile.
const HOOK = `#!/bin/sh
d=$1 op=$2; shift 2
case $op in
get) for p; do case $p in
       power) echo "power:$(cat "$d/power")" ;;
       boot)  echo "boot:$(cat "$d/boot")" ;;
       *) exit 1 ;;
     esac; done ;;
set) printf 'set %s\\n' "$*" >>"$d/orders"
     while [ $# -gt 0 ]; do p=$1 v=$2; shift 2; case $p in
       power)    echo "$v" >"$d/power" ;;
       shutdown) echo 0 >"$d/power" ;;
       boot)     echo "$v" >"$d/boot" ;;
     esac; done ;;
esac
exit 0
`;

export async function startIpmiSim(
  ipmiSim: string,
  options: {
    readonly kg?: string;
    /** A TCP port on loopback that its serial console leads to. */
    readonly serialPort?: number;
  } = {},
): Promise<IpmiSim> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-ipmi-sim-'));
  const port = await freePort();
  const hook = join(folder, 'hook.sh');
  const lan = `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid 00112233445566778899aabbccddeeff
    ${options.kg === undefined ? '' : `bmc_key "${options.kg}"`}
  endlan
  ${options.serialPort === undefined ? '' : `sol "tcp:127.0.0.1:${options.serialPort}" 115200`}
  chassis_control "${hook} ${folder}"
  user 2 true "${SIM_USER.username}" "${SIM_USER.password}" admin 10 md5
  user 3 true "${SIM_LOOKER.username}" "${SIM_LOOKER.password}" user 4 md5
`;
  // Maker 0x1291, product 0xf02, firmware 9.8: what a BMC says of itself.
  const emulated = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
sensor_add 0x20 0 0 35 0x6f event-only
mc_add_fru_data 0x20 0 0x100 data \\
${fruLines()}
${sensorLines()}
mc_enable 0x20
`;
  await Promise.all([
    writeFile(join(folder, 'lan.conf'), lan),
    writeFile(join(folder, 'node.emu'), emulated),
    writeFile(join(folder, 'power'), '0\n'),
    writeFile(join(folder, 'boot'), 'default\n'),
    writeFile(join(folder, 'orders'), ''),
    writeFile(hook, HOOK),
  ]);
  await chmod(hook, 0o755);
  const program = startProgram({
    name: 'ipmi_sim',
    command: [ipmiSim, '-n', '-c', join(folder, 'lan.conf'), '-f', join(folder, 'node.emu'), '-s', folder],
    logFile: join(folder, 'log'),
  });
  await waitFor('ipmi_sim to listen', () => isTaken(port, program), 10_000);
  return {
    port,
    program,
    async orders() {
      return (await readFile(join(folder, 'orders'), 'utf8')).split('\n').filter((line) => line !== '');
    },
    async [Symbol.asyncDispose]() {
      // It may be stopped: then nothing else gets through to it.
      program.signal('SIGCONT');
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isTaken(port: number, program: Program): Promise<boolean> {
  if (program.hasEnded()) throw new Error(`ipmi_sim ended: ${program.output()}`);
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    socket.close();
  }
}

/** A FRU with all three areas, by ipmitool's reading the same as by ours. */
function fruLines(): string {
  const area = (bytes: readonly number[]): readonly number[] => {
    const length = Math.ceil((bytes.length + 2) / 8) * 8;
    const padded = [...bytes, 0xc1, ...Array.from({ length: length - bytes.length - 2 }, () => 0)];
    padded[1] = length / 8;
    return [...padded, -padded.reduce((sum, byte) => sum + byte, 0) & 0xff];
  };
  const text = (words: string): readonly number[] => [0xc0 | words.length, ...new TextEncoder().encode(words)];
  const chassis = area([1, 0, 0x17, ...text('CH-PART'), ...text('CH-7')]);
  const board = area([
    1,
    0,
    0,
    1,
    2,
    3,
    ...text('Board Maker'),
    ...text('Board One'),
    ...text('BO-8'),
    ...text('BP-9'),
  ]);
  const product = area([...[1, 0, 0], ...['Maker', 'Machine', 'PART-1', 'v2', 'SER-0042', 'ASSET-5'].flatMap(text)]);
  const header = [1, 0, 1, 1 + chassis.length / 8, 1 + (chassis.length + board.length) / 8, 0, 0];
  const whole = [...header, -header.reduce((sum, byte) => sum + byte, 0) & 0xff, ...chassis, ...board, ...product];
  const hex = whole.map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
  return Array.from({ length: Math.ceil(hex.length / 8) }, (_, row) => hex.slice(row * 8, row * 8 + 8).join(' ')).join(
    ' \\\n',
  );
}

const THRESHOLDS = 0x01;

/** Sensors that count in the ways that boards do; the last one has states. */
const SENSORS = [
  // A temperature below zero: two's complement.
  { name: 'Outside', type: 0x01, unit: 1, format: 0x80, m: 1, b: 0, exponents: 0x00, raw: 0xf6 },
  // 0.02 V a count, from 1 V on: B with its own exponent.
  { name: '12V', type: 0x02, unit: 4, format: 0, m: 63, b: 10, exponents: 0xd2, raw: 0xb0 },
  { name: 'FAN1', type: 0x04, unit: 18, format: 0, m: 75, b: 0, exponents: 0x00, raw: 0x50 },
  { name: 'System Power', type: 0x0b, unit: 6, format: 0, m: 4, b: 0, exponents: 0x00, raw: 0x2d },
] as const;
const SUPPLY = 5;

function sensorLines(): string {
  const record = (type: number, body: readonly number[], name: string): string => {
    const whole = [...body, 0xc0 | name.length, ...new TextEncoder().encode(name)];
    const bytes = [0, 0, 0x51, type, whole.length, ...whole];
    return `main_sdr_add 0x20 ${bytes.map((byte) => `0x${byte.toString(16)}`).join(' ')}`;
  };
  const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);
  const counted = SENSORS.flatMap(({ name, type, unit, format, m, b, exponents, raw }, index) => {
    const number = index + 1;
    const key = [0x20, 0, number, 7, number, 0x7f, 0x04, type, THRESHOLDS, ...zeros(6)];
    const factors = [format, unit, 0, 0, m, 0, b, 0, 0, exponents];
    return [
      record(0x01, [...key, ...factors, ...zeros(4), 0xff, 0, ...zeros(11)], name),
      `sensor_add 0x20 0 ${number} ${type} ${THRESHOLDS}`,
      `sensor_set_value 0x20 0 ${number} ${raw} 0`,
    ];
  });
  const key = [0x20, 0, SUPPLY, 10, 1, 0x63, 0, 0x08, 0x6f, 0x0f, 0, 0x0f, 0, 0x0f, 0];
  return [
    ...counted,
    record(0x02, [...key, 0xc0, ...zeros(10)], 'PS1 Status'),
    `sensor_add 0x20 0 ${SUPPLY} 0x08 0x6f`,
    // Present, and its input is lost.
    `sensor_set_bit 0x20 0 ${SUPPLY} 0 1 0`,
    `sensor_set_bit 0x20 0 ${SUPPLY} 3 1 0`,
  ].join('\n');
}
