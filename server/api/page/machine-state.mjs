export const STAGES = ['dhcp', 'loader', 'script', 'kernel', 'initrd', 'running'];
const STAGE_WORDS = {
  dhcp: 'asked for an address',
  loader: 'loading its boot loader',
  script: 'got its boot script',
  kernel: 'loading the kernel',
  initrd: 'loading the initrd',
  running: 'system is up',
};

/**
 * How one machine stands, in words for a row: `state` is what the tiles count, `label` the pill, `cause` the line below.
 */
export function stateOf({ status }) {
  const { attempt, acceptance, service } = status;
  if (acceptance === 'rejected') return { state: 'quiet', label: 'rejected', cause: 'Nothing is served to it.' };
  if (service !== 'none')
    return { state: 'quiet', label: SERVICE_WORDS[service].label, cause: SERVICE_WORDS[service].cause };
  if (acceptance === 'seen') {
    return {
      state: 'waiting',
      label: 'waiting to be accepted',
      cause: attempt?.verdict.cause ?? 'It asked for something to boot, and nobody has said anything about it yet.',
    };
  }
  if (!attempt)
    return {
      state: 'quiet',
      label: 'not seen yet',
      cause: 'Nothing has been heard from it. It is served when it netboots.',
    };
  const { code, cause } = attempt.verdict;
  if (code === 'booted') return { state: 'running', label: 'running', cause };
  if (code === 'in-progress') return { state: 'booting', label: 'booting', cause };
  if (code === 'not-accepted') return { state: 'waiting', label: 'not accepted', cause };
  return { state: 'attention', label: code.replaceAll('-', ' '), cause };
}

const SERVICE_WORDS = {
  adopted: { label: 'in service', cause: 'Adopted: it boots its own disk and is never netbooted.' },
  maintenance: { label: 'maintenance', cause: 'It is left alone until maintenance ends.' },
  retired: { label: 'retired', cause: 'It is out of use.' },
};

/** The track of stages: which are done, where it is, where it is stuck. */
export function trackOf({ status }, { state }) {
  const { attempt } = status;
  const at = attempt ? STAGES.indexOf(attempt.stage) : -1;
  const marks = STAGES.map((_, index) => {
    if (index < at) return 'done';
    if (index === at) return state === 'attention' ? 'stuck' : state === 'running' ? 'done' : 'here';
    return '';
  });
  const words = at < 0 ? 'no boot seen' : (STAGE_WORDS[attempt.stage] ?? attempt.stage);
  return { marks, words, step: at + 1 };
}

/** Which part of a boot an event belongs to; absent: to none, such as a log line. */
export function stageOfEvent(event) {
  switch (event.kind) {
    case 'dhcp-received':
    case 'dhcp-answered':
    case 'dhcp-silent':
    case 'other-dhcp':
      return 'dhcp';
    case 'tftp-asked':
    case 'tftp-sent':
    case 'tftp-timeout':
    case 'tftp-aborted':
    case 'tftp-refused':
      return 'loader';
    case 'script-rendered':
      return 'script';
    case 'http-asked':
    case 'http-sent':
      return ['loader', 'script', 'kernel', 'initrd'].includes(event.role) ? event.role : undefined;
    case 'os-dhcp':
    case 'reported':
      return 'running';
    default:
      return undefined;
  }
}

/** How long each part took: from its first event to the first of the next one, parts never going back. */
export function spansOf(events) {
  const starts = [];
  let reached = -1;
  for (const event of events) {
    const stage = STAGES.indexOf(stageOfEvent(event));
    if (stage <= reached) continue;
    reached = stage;
    // What takes time is told when it is over.
    starts.push({ stage: STAGES[stage], at: event.at - (event.ms ?? 0) });
  }
  const end = events.at(-1)?.at ?? 0;
  return starts.map(({ stage, at }, index) => ({ stage, ms: Math.max(0, (starts[index + 1]?.at ?? end) - at) }));
}
