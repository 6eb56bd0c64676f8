import { createHash } from 'node:crypto';
import type { ErasedDisk, ErasureCertificate, SignedCertificate } from '#machines/contract/certificate.ts';
import { canonicalJson } from '#machines/values/canonical-json.ts';
import { html } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { type Verified, verifyCertificate } from './sign.ts';

/** NIST SP 800-88 Rev. 1 §2.5, in the words of a person who files this. */
const LEVELS: Readonly<Record<ErasedDisk['class'], string>> = {
  purge: 'Purge: recovery is infeasible with the means of a laboratory',
  clear: 'Clear: what can be addressed reads as erased; blocks that the drive keeps back were not read',
};

/** The whole style of the page; a policy may allow it by its digest. It loads nothing. */
export const CERTIFICATE_STYLE = `
:root { color-scheme: light dark; --ground: #f3f0eb; --card: #fffefc; --ink: #1d1b18; --soft: #625c53; --line: #cbc3b5; --good: #1d6b35; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #12110e; --card: #1b1916; --ink: #ece7de; --soft: #aaa193; --line: #4a453d; --good: #7fd69a; --bad: #ff9d93; } }
* { box-sizing: border-box; }
body { margin: 0; padding: clamp(.8rem, 3vw, 2rem); background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: clamp(1rem, 4vw, 2.4rem); background: var(--card); border: 1px solid var(--line); border-radius: 14px; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .4rem; font-size: 1.05rem; }
p { margin: .4rem 0; }
.soft { color: var(--soft); }
.result { margin: 1.2rem 0; padding: .6rem 1rem; border-left: 4px solid; font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.disk { border-top: 1px solid var(--line); padding: .9rem 0; break-inside: avoid; }
.disk h3 { margin: 0 0 .3rem; font-size: 1rem; overflow-wrap: anywhere; }
code { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
@media (max-width: 36rem) { dl { grid-template-columns: minmax(0, 1fr); } dt { margin-top: .4rem; } }
@page { margin: 16mm; }
@media print {
  :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #999; --good: #000; --bad: #000; }
  body, main { padding: 0; border: 0; max-width: none; font-size: 10pt; }
}
`;

/**
 * A certificate of erasure as a page for people: to read, to print and to file. What it says is escaped; whether the
 * signature fits is worked out here, and whose key it is the reader compares.
 */
export function certificatePage(signed: SignedCertificate): string {
  const { certificate, signature } = signed;
  const { machine, job, approval, erased, notErased } = certificate;
  const verified = verifyCertificate(signed);
  const digest = createHash('sha256').update(canonicalJson(certificate)).digest('hex');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Certificate of erasure: ${html(machine.name)}</title>
<link rel="icon" href="data:,">
<style>${CERTIFICATE_STYLE}</style>
</head>
<body>
<main>
<h1>Certificate of erasure</h1>
<p class="soft">${html(certificate.id)}</p>
${resultLine(certificate)}
<h2>Machine</h2>
${pairs([
  ['Name', html(machine.name)],
  ['Site', html(certificate.site)],
  ...machine.identifiers.map(({ kind, value }) => [html(kind), code(value)] as const),
])}
<h2>Approval</h2>
${pairs([
  ['Approved by', html(approval.by)],
  ['Approved at', time(approval.at)],
  ...(approval.acknowledged.length === 0
    ? []
    : [['Acknowledged', approval.acknowledged.map(code).join(', ')] as const]),
  ['Job', `${html(job.kind)} ${code(job.id)}`],
  ['Plan', code(job.planDigest)],
])}
<h2>Erased</h2>
${erased.map(erasedDisk).join('\n')}
${notErased.length === 0 ? '' : `<h2 class="bad">Not erased</h2>\n${notErased.map(leftDisk).join('\n')}`}
<h2>Signature</h2>
${verdictLine(verified)}
${pairs([
  ...(verified.kind === 'signed' ? [['Key, SHA-256', code(verified.fingerprint)] as const] : []),
  ['Issued', `${time(certificate.issuedAt)} by ${html(certificate.software)}`],
  ['SHA-256 of what is signed', code(digest)],
  [html(signature.algorithm), code(signature.value)],
])}
<p class="soft">To check it without this daemon: <code>ingot certificate show ${html(job.id)} -o json &gt; FILE; ingot certificate verify FILE</code></p>
</main>
</body>
</html>
`;
}

const resultLine = ({ erased, notErased, complete }: ErasureCertificate): string =>
  complete
    ? `<p class="result good">Complete: every disk that is known to be in the machine was erased (${erased.length}).</p>`
    : `<p class="result bad">Not complete: ${erased.length} erased, ${notErased.length} not erased.</p>`;

function erasedDisk(disk: ErasedDisk): string {
  const { readBack } = disk;
  const found = readBack.notZero === 0 ? 'all of them zeros' : `${readBack.notZero} of them not zeros`;
  const marker = readBack.markerGone
    ? 'what was written before the erasure is gone'
    : 'what was written before the erasure is still there';
  return `<section class="disk"><h3>${html(disk.serial ?? disk.wwn ?? 'no serial')}</h3>${pairs([
    ['Model', html(disk.model ?? 'unknown')],
    ['Serial', code(disk.serial ?? 'none')],
    ['WWN', code(disk.wwn ?? 'none')],
    ['Size', `${html(diskSize(disk.bytes))} (${disk.bytes} bytes), seen as ${code(disk.name)}`],
    ['Method', `${html(disk.method)} (${html(disk.tool)})`],
    ['NIST SP 800-88', html(LEVELS[disk.class])],
    ['Time', `${time(disk.startedAt)} to ${time(disk.endedAt)}`],
    [
      'Read back',
      `${readBack.samples} samples of ${readBack.sampleBytes} bytes, seed ${readBack.seed}: ${found}; ${marker}`,
    ],
  ])}</section>`;
}

const leftDisk = ({ name, serial, wwn, because }: ErasureCertificate['notErased'][number]): string =>
  `<section class="disk"><h3>${html(serial ?? wwn ?? name)}</h3>${pairs([
    ['Seen as', code(name)],
    ['Serial', code(serial ?? 'none')],
    ['WWN', code(wwn ?? 'none')],
    ['Why', html(because)],
  ])}</section>`;

const verdictLine = (verified: Verified): string =>
  verified.kind === 'wrong'
    ? `<p class="result bad">${html(verified.because)}</p>`
    : '<p class="good">Unchanged since it was signed.</p>';

const pairs = (of: readonly (readonly [label: string, value: string])[]): string =>
  `<dl>${of.map(([label, value]) => `<dt>${label}</dt><dd>${value}</dd>`).join('')}</dl>`;
const code = (text: string): string => `<code>${html(text)}</code>`;
const time = (at: number): string => {
  const iso = new Date(at).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`;
};
