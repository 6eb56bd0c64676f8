import { plainText } from './read.ts';

/** Why a service did not do what it was asked, in the words of the BMC contract. */
export type Refusal = {
  readonly code:
    | 'credential'
    | 'privilege'
    | 'sessions'
    | 'not-supported'
    | 'licence'
    | 'state'
    | 'busy'
    | 'refused'
    | 'malformed';
  /** One line for people, in the BMC's own words where it has any. */
  readonly text: string;
  readonly retryAfterMs?: number;
  readonly keys: readonly string[];
  /** Of the message that decided the code, or of the first. */
  readonly args: readonly string[];
};

/** One entry of `@Message.ExtendedInfo`. */
export type RedfishMessage = {
  /** `Base.1.18.PropertyUnknown` is known by its last part: registries differ in their versions. */
  readonly key: string;
  readonly text: string;
  readonly args: readonly string[];
  readonly isOk: boolean;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * All messages of a body: in `error` (DSP0266 "Error responses"), at the top, and beside single properties, as in a 200
 * that did not take them. iDRAC sends one object where a list is meant; some send nothing but `code` and `message`.
 */
export function messagesOf(body: unknown): readonly RedfishMessage[] {
  if (!isObject(body)) return [];
  const { error } = body;
  const inError = isObject(error) ? infoOf(error) : [];
  const found = [...inError, ...infoOf(body)];
  if (found.length > 0 || !isObject(error)) return found;
  const { code, message } = error;
  const text = typeof message === 'string' ? plainText(message) : '';
  const key = typeof code === 'string' ? keyOf(code) : '';
  return key === '' && text === '' ? [] : [{ key, text, args: [], isOk: false }];
}

function infoOf(holder: Readonly<Record<string, unknown>>): readonly RedfishMessage[] {
  return Object.entries(holder)
    .filter(([name]) => name.endsWith('@Message.ExtendedInfo'))
    .flatMap(([, value]): readonly unknown[] => (Array.isArray(value) ? value : [value]))
    .slice(0, 16)
    .flatMap((entry) => (isObject(entry) ? [messageOf(entry)] : []));
}

function messageOf(entry: Readonly<Record<string, unknown>>): RedfishMessage {
  const { MessageId: id, Message: message, MessageArgs: given, Severity: severity } = entry;
  const key = typeof id === 'string' ? keyOf(id) : '';
  const args = (Array.isArray(given) ? given : []).slice(0, 8).map((one) => plainText(String(one)));
  const template = typeof message === 'string' && message !== '' ? message : key;
  const filled = template.replace(/%(\d)/g, (whole, index: string) => args[Number(index) - 1] ?? whole);
  const isOk = severity === 'OK' || /^(?:Success|SYS413)$/.test(key);
  return { key, text: plainText(filled), args, isOk };
}

const keyOf = (id: string): string => plainText(id.slice(id.lastIndexOf('.') + 1));

/** What is known by its key, whatever status it came with. Vendors' keys beside DMTF's. */
const CODE_OF: readonly (readonly [RegExp, Refusal['code']])[] = [
  [/licen[cs]e|^LIC\d+$/i, 'licence'],
  // iDRAC answers a login with 503 and RAC0218 when its sessions are taken.
  [/^(?:SessionLimitExceeded|RAC0218)$/, 'sessions'],
  [/^PasswordChangeRequired|^PasswordResetRequired/, 'credential'],
  [/^(?:NoValidSession|ResourceAtUriUnauthorized|UnauthorizedLoginAttempt)$/, 'credential'],
  [/^(?:InsufficientPrivilege|AccessDenied|AccountForSessionNoLongerExists)/, 'privilege'],
  // Not now: iLO's words for a machine that tests itself, iDRAC's for one whose manager is not ready yet.
  [
    /^(?:InvalidOperationForSystemState|UnableToModifyDuringSystemPOST|SystemPostInProgress|SYS518|ResourceInUse)/,
    'state',
  ],
  [/^(?:ResourceInStandby|ServiceInUnknownState|ActionParameterValueConflict)/, 'state'],
  [/^(?:ServiceTemporarilyUnavailable|ServiceShuttingDown|OperationTimeout|EventBufferExceeded)$/, 'busy'],
  [/^(?:ActionNotSupported|QueryNotSupported|OperationNotAllowed)/, 'not-supported'],
];

/** Of an answer with a status of 400 and up. `now`: milliseconds since the epoch, for a Retry-After with a date. */
export function refusalOf(answer: {
  readonly status: number;
  readonly retryAfter?: string | undefined;
  /** Undefined where the body is no JSON: web servers in front of a service answer in XHTML. */
  readonly body: unknown;
  readonly now: number;
}): Refusal {
  const { status, retryAfter, body, now } = answer;
  const messages = messagesOf(body).filter(({ isOk }) => !isOk);
  const keys = messages.map(({ key }) => key);
  const known = CODE_OF.find(([pattern]) => keys.some((key) => pattern.test(key)));
  const deciding = messages.find(({ key }) => known?.[0].test(key)) ?? messages[0];
  const said = [...new Set(messages.map(({ text }) => text).filter((text) => text !== ''))].slice(0, 3).join(' ');
  const text = plainText(said === '' ? `it answered ${status}` : `it answered ${status}: ${said}`);
  const after = retryAfterMs(retryAfter, now);
  const code = known?.[1] ?? codeOfStatus(status, said);
  return { code, text, keys, args: deciding?.args ?? [], ...(after === undefined ? {} : { retryAfterMs: after }) };
}

function codeOfStatus(status: number, said: string): Refusal['code'] {
  if (status !== 404 && /licen[cs]e/i.test(said)) return 'licence';
  switch (status) {
    case 401:
      return 'credential';
    case 403:
      return 'privilege';
    case 404:
    case 405:
    case 410:
    case 501:
      return 'not-supported';
    case 409:
    case 423:
      return 'state';
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return 'busy';
    default:
      return 'refused';
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. At most an hour: clocks of BMCs are wrong. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}
