import type { Evidence } from './evidence.ts';
import { describeClient } from './dhcp-findings.ts';
import { type VerdictContext, quote } from './finding.ts';
import { imageSentAt } from './kernel-evidence.ts';
import { awaitsAgent } from './running-evidence.ts';

type Words = { readonly cause: string; readonly next: string };

const WAIT = 'Nothing to do: it goes on.';

/** Where a boot stands that is not in trouble. */
export function outlook(evidence: Evidence, context: VerdictContext): Words {
  return (
    kernelOutlook(evidence) ?? scriptOutlook(evidence) ?? loaderOutlook(evidence) ?? dhcpOutlook(evidence, context)
  );
}

function kernelOutlook(evidence: Evidence): Words | undefined {
  const { kernel, initrds = [] } = evidence.kernel;
  if (!kernel) return undefined;
  if (evidence.running && awaitsAgent(evidence)) {
    return { cause: `The agent’s kernel runs: ${evidence.running.seen}; the agent calls back next.`, next: WAIT };
  }
  if (imageSentAt(evidence) !== undefined) {
    return { cause: 'Kernel and initrds were sent whole; the machine starts them.', next: WAIT };
  }
  const coming = initrds.find(({ asked }) => asked !== undefined) ?? (kernel.asked === undefined ? undefined : kernel);
  if (coming) return { cause: `The machine downloads ${quote(coming.path)}.`, next: WAIT };
  return { cause: `The machine has downloaded ${quote((initrds.at(-1) ?? kernel).path)}.`, next: WAIT };
}

function scriptOutlook({ script }: Evidence): Words | undefined {
  const rendered = script?.rendered;
  if (!rendered) return undefined;
  const because = rendered.because;
  switch (rendered.situation) {
    case 'kernel':
    case 'agent':
    case 'rescue':
      return { cause: `The machine got its script: ${because}.`, next: WAIT };
    case 'disk':
      return {
        cause: `The machine was sent to its own disk: ${because}.`,
        next: 'Nothing to do, unless it should have been netbooted: ingot explain shows what decides.',
      };
    case 'hold':
      return { cause: 'The machine was accepted; it asks for its script again within ten seconds.', next: WAIT };
    case 'menu':
      return { cause: 'The machine shows a menu and waits for a person.', next: 'Choose at the machine’s console.' };
    case 'chain':
    case 'script':
      return {
        cause: `The machine got its script: ${because}. What it loads from there is not ours to see.`,
        next: 'Nothing to do: it shows itself once its system asks for an address or sends its log.',
      };
    case 'stop':
      return { cause: because, next: WAIT };
    default:
      return rendered.situation satisfies never;
  }
}

function loaderOutlook({ loader, dhcp }: Evidence): Words | undefined {
  if (dhcp.ack?.kind === 'ipxe') return undefined;
  if (loader.asked) return { cause: `The machine downloads ${quote(loader.asked.file)}.`, next: WAIT };
  if (loader.whole && loader.alive === undefined) {
    return { cause: `The machine has loaded ${quote(loader.whole.file)} and starts it.`, next: WAIT };
  }
  const last = loader.sent.at(-1) ?? loader.head?.file ?? loader.absent.at(-1);
  if (last === undefined || dhcp.client?.kind === 'ipxe') return undefined;
  return { cause: `The machine asked for ${quote(last)}.`, next: WAIT };
}

function dhcpOutlook({ dhcp }: Evidence, { machine }: VerdictContext): Words {
  const who = describeClient(dhcp.client);
  const { ack, offer, silence } = dhcp;
  if (ack) return { cause: `${capital(who)} has its address and the boot file ${quote(ack.bootFile)}.`, next: WAIT };
  const wasStrange = silence?.code === 'not-accepted' || silence?.code === 'rejected';
  if (wasStrange && machine?.acceptance === 'accepted') {
    return { cause: `${machine.name} was accepted after it had asked.`, next: 'Start the machine again.' };
  }
  if (silence?.code === 'no-boot-file' || (offer && offer.bootFile === undefined)) {
    const because = silence?.because ?? dhcp.because ?? 'it has nothing to netboot';
    return {
      cause: `The machine is offered no boot file and goes on to its own disk: ${because}.`,
      next: 'Nothing to do, unless it should have been netbooted: ingot explain shows what decides.',
    };
  }
  if (silence) return { cause: `${capital(who)} asked and got no answer: ${silence.because}.`, next: WAIT };
  if (offer) return { cause: `${capital(who)} was offered the boot file ${quote(offer.bootFile ?? '')}.`, next: WAIT };
  return { cause: `${capital(who)} asks for an address.`, next: WAIT };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
