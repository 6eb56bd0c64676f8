import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Check, failure, fine, warning } from './finding.ts';

const run = promisify(execFile);

/** Room for the database, traces and a few images. */
const MIN_FREE_BYTES = 1024 ** 3;
const MIB = 1024 ** 2;

export function diskCheck(dataDir: string): Check {
  return {
    name: 'disk',
    async run() {
      try {
        await mkdir(dataDir, { recursive: true, mode: 0o750 });
        await access(dataDir, constants.W_OK);
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
        return [
          failure(
            'disk',
            `the data directory ${dataDir} cannot be written: ${code}`,
            'run as its owner, or set dataDir',
          ),
        ];
      }
      const { bavail, bsize } = await statfs(dataDir);
      const free = bavail * bsize;
      const text = `${Math.floor(free / MIB).toLocaleString('en')} MiB free for ${dataDir}`;
      return [
        free < MIN_FREE_BYTES
          ? warning('disk', text, 'make room, or set dataDir elsewhere: a full disk stops leases')
          : fine('disk', text),
      ];
    },
  };
}

/** Leases and tokens count in seconds, and TLS of iPXE refuses certificates from the future. */
const EARLIEST_SANE = Date.UTC(2026, 0, 1);
const RTC_TOLERANCE_MS = 5 * 60_000;

export function clockCheck(now: () => number): Check {
  return {
    name: 'clock',
    async run() {
      if (now() < EARLIEST_SANE) {
        return [
          failure('clock', `the clock says ${new Date(now()).toISOString()}`, 'set it: timedatectl set-ntp true'),
        ];
      }
      const rtc = Number(await readFile('/sys/class/rtc/rtc0/since_epoch', 'utf8').catch(() => 'NaN')) * 1000;
      if (Math.abs(rtc - now()) > RTC_TOLERANCE_MS) {
        const minutes = Math.round((rtc - now()) / 60_000);
        return [
          warning(
            'clock',
            `the hardware clock differs by ${minutes} minutes`,
            'hwclock --systohc, or leases jump at the next start',
          ),
        ];
      }
      return [fine('clock', new Date(now()).toISOString())];
    },
  };
}

/** Which programs on this machine may drop what clients send. Hints only: rules are not interpreted. */
export function firewallCheck(ports: readonly string[]): Check {
  return {
    name: 'firewall',
    async run(signal) {
      const wanted = ports.join(', ');
      const ufw = await readFile('/etc/ufw/ufw.conf', 'utf8').catch(() => '');
      if (/^ENABLED=yes/m.test(ufw)) {
        return [warning('firewall', 'ufw is enabled', `ufw allow in on INTERFACE to any port PORT for: ${wanted}`)];
      }
      try {
        const { stdout } = await run('nft', ['list', 'ruleset'], { signal });
        if (/hook input[^}]*policy drop/s.test(stdout)) {
          return [warning('firewall', 'nftables drops incoming packets by default', `let these in: ${wanted}`)];
        }
        return [fine('firewall', 'nftables does not drop incoming packets by default')];
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [fine('firewall', 'no nftables here')];
        throw new Error('nft list ruleset needs root', { cause });
      }
    },
  };
}
