import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type CertificateSummary, type SignedCertificate, signedCertificate } from '#machines/contract/certificate.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { diskSize } from '#machines/values/size.ts';
import { certificatePage } from '#services/certificates/certificate-page.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure, failureOf } from '../failure.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, pairs, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { paint, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';

const COLUMNS: readonly Column<CertificateSummary>[] = [
  { title: 'JOB', of: ({ job }) => job },
  { title: 'MACHINE', of: ({ machine }) => machine },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'ERASED', of: ({ erased }) => String(erased) },
  { title: 'NOT ERASED', of: ({ notErased }) => String(notErased) },
  {
    title: 'COMPLETE',
    of: ({ complete }) => (complete ? 'yes' : 'no'),
    style: ({ complete }) => (complete ? 'green' : 'yellow'),
  },
  { title: 'APPROVED BY', of: ({ by }) => by },
  { title: 'ISSUED', of: ({ issuedAt }) => isoTime(issuedAt) },
];

export async function listCertificates(
  term: Terminal,
  daemon: Daemon,
  { machine, limit, output }: { readonly machine?: string; readonly limit: number; readonly output: Format },
): Promise<void> {
  const query = { limit, ...(machine === undefined ? {} : { machine }) };
  const { items } = (await daemon.ask('listCertificates', { query })).value;
  if (output !== 'table') return printDocuments(term, output, items);
  if (items.length > 0) return say(term, ...table(term, COLUMNS, items));
  say(term, 'nothing was erased', `  next: ingot wipe ${machine ?? 'MACHINE'} --plan`);
}

/** What a reader of its certificates compares with. */
export async function showKey(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('getCertificateKey', {});
  if (output !== 'table') return printDocuments(term, output, value);
  say(term, value.fingerprint, value.publicKey.trimEnd());
}

/** The certificate of a job, or the newest of a machine: as JSON it is the file to keep, as HTML the page to print. */
export async function showCertificate(
  term: Terminal,
  daemon: Daemon,
  of: string,
  { output, html = false }: { readonly output: Format; readonly html?: boolean },
): Promise<void> {
  const answer = await daemon.attempt('getCertificate', { params: { id: of } });
  const value = 'problem' in answer ? await newestOf(daemon, of, failureOf(answer.problem)) : answer.value;
  if (html) return say(term, certificatePage(value).trimEnd());
  if (output !== 'table') return printDocuments(term, output, value);
  say(term, ...certificateLines(term, value));
}

/** Of the jobs of a machine; where that is no machine either, what was said of the job stands. */
async function newestOf(daemon: Daemon, machine: string, otherwise: CommandFailure): Promise<SignedCertificate> {
  const certificates = await daemon.attempt('listCertificates', { query: { machine, limit: 1 } });
  if ('problem' in certificates) throw otherwise;
  const [newest] = certificates.value.items;
  if (newest) return (await daemon.ask('getCertificate', { params: { id: newest.job } })).value;
  const jobs = await daemon.attempt('listJobs', { query: { machine, limit: 1 } });
  throw 'problem' in jobs || jobs.value.items.length === 0
    ? otherwise
    : new CommandFailure(
        EXIT.notFound,
        `no job of ${machine} has erased anything`,
        `  next: ingot wipe ${machine} --plan, or ingot job list --machine ${machine}`,
      );
}

/** Needs no daemon: the file holds the key that signed it. Whose key that is, `--key` says. */
export async function verifyFile(term: Terminal, file: string, { key }: { readonly key?: string }): Promise<void> {
  let text: string;
  try {
    text = file === '-' ? await term.readInput() : await readFile(resolve(term.cwd, file), 'utf8');
  } catch (error) {
    throw badInput(
      codeOf(error) === 'ENOENT'
        ? `${file}: there is no such file`
        : `${file}: cannot be read (${codeOf(error) ?? String(error)})`,
      '  next: ingot certificate show MACHINE -o json > FILE',
    );
  }
  const signed = parse(text, file);
  const verified = verifyCertificate(signed);
  if (verified.kind === 'wrong') throw new CommandFailure(EXIT.failed, `${file}: ${verified.because}`);
  if (key !== undefined && key.toLowerCase().replaceAll(':', '') !== verified.fingerprint) {
    throw new CommandFailure(
      EXIT.failed,
      `${file}: it is signed by the key ${verified.fingerprint}, wanted was ${key}`,
    );
  }
  say(
    term,
    ...certificateLines(term, signed),
    '',
    `${paint(term, 'green', 'unchanged since it was signed')} by the key ${verified.fingerprint}`,
    ...(key === undefined
      ? ['is that your daemon’s key? ingot certificate key says which one it is; --key compares']
      : []),
  );
}

function parse(text: string, file: string): SignedCertificate {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badInput(`${file}: it is no JSON; want what ingot certificate show MACHINE -o json wrote`);
  }
  const read = signedCertificate.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw badInput(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no certificate'}`);
}

function certificateLines(term: Terminal, { certificate }: SignedCertificate): readonly string[] {
  const { machine, job, approval, erased, notErased, complete } = certificate;
  return [
    paint(term, 'bold', `certificate of erasure ${escaped(certificate.id)}`),
    ...pairs(term, [
      ['machine', machine.name],
      ['known by', machine.identifiers.map(({ kind, value }) => `${kind} ${value}`).join(', ')],
      ['job', `${job.kind} ${job.id}`],
      ['approved by', `${approval.by}, ${isoTime(approval.at) ?? ''}`],
      ['issued', `${isoTime(certificate.issuedAt) ?? ''} by ${certificate.software}, site ${certificate.site}`],
      ['complete', complete ? 'yes: every disk that is known to be in it' : 'no: see what was not erased'],
    ]),
    '',
    ...table(
      term,
      [
        { title: 'DISK', of: ({ name }) => name },
        { title: 'SERIAL', of: ({ serial, wwn }) => serial ?? wwn },
        { title: 'MODEL', of: ({ model }) => model },
        { title: 'SIZE', of: ({ bytes }) => diskSize(bytes) },
        { title: 'METHOD', of: ({ method }) => method },
        { title: 'NIST 800-88', of: ({ class: level }) => level },
        { title: 'READ BACK', of: ({ readBack }) => `${readBack.samples} samples, ${readBack.notZero} not zero` },
        { title: 'ENDED', of: ({ endedAt }) => isoTime(endedAt) },
      ],
      erased,
    ),
    ...(notErased.length === 0
      ? []
      : [
          '',
          paint(term, 'yellow', 'not erased'),
          ...pairs(
            term,
            notErased.map(({ name, serial, wwn, because }) => [`${name} ${serial ?? wwn ?? ''}`, because] as const),
          ),
        ]),
  ];
}
