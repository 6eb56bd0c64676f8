// Stands in for the agent: says in one line what the image gave it, and dies.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const isElf = (path: string) => readFileSync(path).subarray(0, 4).toString('latin1') === '\x7fELF';
const programs = readdirSync('/bin', { withFileTypes: true })
  .filter((one) => one.isFile() && one.name !== 'busybox' && isElf(`/bin/${one.name}`))
  .map((one) => one.name);
const loader = '/lib64/ld-linux-x86-64.so.2';
const seen = {
  programs,
  lacking: programs.filter((name) => spawnSync(loader, ['--list', `/bin/${name}`]).status !== 0),
  drivers: readdirSync('/sys/class/net')
    .filter((name) => existsSync(`/sys/class/net/${name}/device/driver`))
    .map((name) => readlinkSync(`/sys/class/net/${name}/device/driver`).split('/').at(-1)),
  disks: JSON.parse(execFileSync('lsblk', ['--json', '--nodeps', '--output', 'NAME,TYPE'], { encoding: 'utf8' })),
  ipmi: existsSync('/dev/ipmi0'),
  settled: existsSync('/run/ingot/settled'),
  modprobe: readFileSync('/run/ingot/modprobe.log', 'utf8'),
  consoles: process.env['INGOT_CONSOLES'],
};
console.log(`PROBE ${JSON.stringify(seen)} END`);
process.exit(3);
