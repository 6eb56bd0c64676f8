import type { ScriptSituation } from '../../contract/trace.ts';
import { type Finder, type Finding, quote, seconds } from './finding.ts';
import type { Evidence } from './evidence.ts';
import { type AssetEvidence, imageSentAt } from './kernel-evidence.ts';
import { awaitsAgent } from './running-evidence.ts';

/** iPXE runs and has an address, but no script. */
export const findNoScript: Finder = ({ evidence, times }) => {
  const { dhcp, loader, script } = evidence;
  if (script?.failed && script.sentAt === undefined) {
    const { at, path, because } = script.failed;
    return noScript(at, `iPXE asked for its script ${quote(path)} and did not get it: ${because}.`);
  }
  const { ack } = dhcp;
  if (ack?.kind === 'ipxe') {
    return noScript(
      ack.firstAt + times.scriptMs,
      `iPXE got ${ack.address ?? 'its address'} and the script’s URL ${quote(ack.bootFile)}, and never asked for it within ${seconds(times.scriptMs)}.`,
    );
  }
  if (script || !loader.alive || dhcp.kinds.includes('ipxe') || loader.toIpxe > 0) return undefined;
  if (evidence.dhcp.firmware?.kind === 'raspberry-pi' || evidence.dhcp.firmware?.kind === 'u-boot') return undefined;
  return noScript(
    loader.alive + times.loaderMs,
    'The loader runs (it asked for files of its own), but it neither asked for an address nor for a script.',
  );
};

const noScript = (from: number, cause: string): Finding => ({
  code: 'no-script',
  from,
  cause,
  next: 'Check that the machine’s network reaches the boot URL (TCP, not only UDP), that boot.advertise is an address of this host that it can reach, and what iPXE says on its screen; a network driver that iPXE lacks shows there too.',
});

export const findHold: Finder = ({ evidence: { script }, context: { machine } }) => {
  const rendered = script?.rendered;
  if (rendered?.situation !== 'hold' || machine?.acceptance === 'accepted') return undefined;
  const name = machine?.name ?? 'MAC';
  return {
    code: 'not-accepted',
    from: rendered.at,
    cause: `The machine waits at its script until somebody accepts it: ${rendered.because}.`,
    next: `ingot machine accept ${name}; it goes on by itself within ten seconds.`,
  };
};

export const findStop: Finder = ({ evidence: { script } }) => {
  const rendered = script?.rendered;
  if (rendered?.situation !== 'stop') return undefined;
  return {
    code: 'boot-loop',
    from: rendered.at,
    cause: `The machine boots again and again, so it got a script that stops it: ${rendered.because}.`,
    next: LOOP_NEXT,
  };
};

const LOOP_NEXT =
  'Look at its console for what happens after the kernel starts. A live system is booted at every start (when: always); an installed one should boot from its disk: put the disk first in the boot order, or give it a profile with when: once.';

/** Earlier attempts came just as far. */
export const findLoop: Finder = ({ evidence, context: { fruitlessBoots = [] }, times }) => {
  const since = evidence.startedAt - times.loopWindowMs;
  const recent = fruitlessBoots.filter((at) => at >= since);
  if (recent.length < times.loopBoots) return undefined;
  return {
    code: 'boot-loop',
    from: evidence.startedAt,
    cause: `This is boot number ${recent.length + 1} within ${seconds(times.loopWindowMs)}: each of the ${recent.length} before came to its kernel, and then the machine began anew.`,
    next: LOOP_NEXT,
  };
};

const LOADS_KERNEL: ReadonlySet<string> = new Set(['kernel', 'agent', 'rescue'] satisfies ScriptSituation[]);

/** The script for a kernel was sent; the kernel was not. */
export const findNoKernel: Finder = ({ evidence: { script, kernel }, times }) => {
  const rendered = script?.rendered;
  if (rendered && !LOADS_KERNEL.has(rendered.situation)) return undefined;
  const trouble = troubleOf(kernel.kernel, times.kernelMs);
  if (trouble) return { code: 'kernel-missing', from: trouble.from, ...kernelWords('kernel', trouble.what) };
  if (kernel.kernel || script?.sentAt === undefined || !rendered) return undefined;
  const complaint = complaintAfter(kernel.complaint, rendered.at);
  return {
    code: 'kernel-missing',
    from: complaint?.at ?? script.sentAt + times.kernelMs,
    ...kernelWords(
      'kernel',
      complaint
        ? `The machine has its script but not the kernel; it reported ${quote(complaint.text)}`
        : `The machine got its script and did not ask for the kernel within ${seconds(times.kernelMs)}`,
    ),
  };
};

export const findNoInitrd: Finder = ({ evidence: { script, kernel }, times }) => {
  const whole = kernel.kernel?.whole;
  if (whole === undefined) return undefined;
  const { initrds = [] } = kernel;
  for (const initrd of initrds) {
    const trouble = troubleOf(initrd, times.initrdMs);
    if (trouble) return { code: 'no-initrd', from: trouble.from, ...kernelWords('initrd', trouble.what) };
  }
  const wanted = script?.rendered?.initrds ?? 0;
  if (initrds.length >= wanted || initrds.some(({ asked }) => asked !== undefined)) return undefined;
  const last = Math.max(whole, ...initrds.map((one) => one.whole ?? 0));
  const complaint = complaintAfter(kernel.complaint, last);
  const missing = `The kernel came whole, but only ${initrds.length} of ${wanted} initrds ${initrds.length === 1 ? 'was' : 'were'} asked for`;
  return {
    code: 'no-initrd',
    from: complaint?.at ?? last + times.initrdMs,
    ...kernelWords('initrd', complaint ? `${missing}; the machine reported ${quote(complaint.text)}` : missing),
  };
};

/** Refused, or broken off without a second try. While it is on its way nothing is wrong. */
function troubleOf(
  asset: AssetEvidence | undefined,
  retryMs: number,
): { readonly from: number; readonly what: string } | undefined {
  if (!asset || asset.whole !== undefined || asset.asked !== undefined) return undefined;
  const { failed, broken, path } = asset;
  if (failed && failed.at >= (broken?.at ?? 0)) {
    return { from: failed.at, what: `${quote(path)} could not be served: ${failed.because}` };
  }
  if (!broken) return undefined;
  const what = `The download of ${quote(path)} broke off after ${broken.bytes} of ${broken.size} bytes and was not begun again`;
  return { from: broken.at + retryMs, what };
}

const kernelWords = (what: 'kernel' | 'initrd', cause: string): { readonly cause: string; readonly next: string } => ({
  cause: `${cause}.`,
  next:
    what === 'kernel'
      ? 'ingot explain shows what would be served and why; check that the image’s kernel file is there (ingot image verify) and that the machine has a grant. Too little memory in the machine also ends a download.'
      : 'Check that the image’s initrd files are there (ingot image verify), and that the machine has memory for them: kernel and initrds are held in it twice while it boots.',
});

const complaintAfter = <T extends { readonly at: number }>(complaint: T | undefined, after: number): T | undefined =>
  complaint && complaint.at >= after ? complaint : undefined;

/** Two machines, or a machine and somebody who listens, have the same key. */
export const findAbusedToken: Finder = ({ evidence: { abused } }) =>
  abused && {
    code: 'token-abused',
    from: abused.at,
    cause: `The key of this boot was used by more than one: ${abused.because}. It is void, and whoever has it gets nothing more.`,
    next: 'Find out who that address belongs to before the machine is booted again. A second DHCP server that gives the machine another address half-way looks the same.',
  };

/** Everything was sent, and nothing came back. */
export const findSilentKernel: Finder = ({ evidence, times }) => {
  const { running } = evidence;
  if (running?.panic) {
    return {
      code: 'silent-after-kernel',
      from: running.panic.at,
      cause: `The kernel started, and its last words were ${quote(running.panic.text)}.`,
      next: 'The line says what it missed: most often an initrd that does not fit the kernel, or a wrong root= argument in the profile.',
    };
  }
  const sentAt = imageSentAt(evidence);
  if (sentAt === undefined) return undefined;
  const complaint = complaintAfter(evidence.kernel.complaint, sentAt);
  if (complaint) {
    return {
      code: 'silent-after-kernel',
      from: complaint.at,
      cause: `Kernel and initrds were sent whole, but the machine reported ${quote(complaint.text)}.`,
      next: 'The loader could not start the kernel: check that the image’s architecture fits the machine, that Secure Boot allows it, and that there is memory enough.',
    };
  }
  if (awaitsAgent(evidence)) return silentAgent(evidence, times.runningMs, sentAt);
  return {
    code: 'silent-after-kernel',
    from: sentAt + times.runningMs,
    cause: `Kernel and initrds were sent whole, and nothing has been heard of the machine for ${seconds(times.runningMs)} since.`,
    next: 'Look at its console: add console=tty0 console=ttyS0,115200 to the profile’s args and take quiet out. A kernel without a driver for this network card also keeps silent, and so does a system that never asks for an address.',
  };
};

/** Where a system of its own may keep silent, the agent may not: it calls the machine plane before anything else. */
function silentAgent({ running, refusedToken }: Evidence, waitMs: number, sentAt: number): Finding {
  const heard = running?.netbooted === true ? running : undefined;
  const came = heard ? `The agent’s kernel runs (${heard.seen})` : 'The agent was sent whole';
  const why = refusedToken === undefined ? '' : ` Its boot token was refused: ${refusedToken}.`;
  return {
    code: 'silent-after-kernel',
    from: (heard?.at ?? sentAt) + waitMs,
    cause: `${came}, but it has not called back within ${seconds(waitMs)}.${why}`,
    next:
      refusedToken === undefined
        ? 'Look at its console, where the agent says what it tries: a firewall before the machine plane’s TLS port (8443), a network card without a driver in the agent’s image, and a network without DHCP are the usual reasons.'
        : 'A token is for one machine at the address that it booted by: look for a second DHCP server, or boot it again.',
  };
}
