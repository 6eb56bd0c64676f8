/** Completion codes, IPMI v2.0 table 5-2, as far as we act on them. */
export const COMPLETION = {
  ok: 0x00,
  busy: 0xc0,
  invalidCommand: 0xc1,
  timeout: 0xc3,
  outOfSpace: 0xc4,
  reservation: 0xc5,
  requestLength: 0xc7,
  outOfRange: 0xc9,
  limit: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  noResponse: 0xce,
  updating: 0xd1,
  initializing: 0xd2,
  destination: 0xd3,
  privilege: 0xd4,
  state: 0xd5,
  disabled: 0xd6,
} as const;

export type CompletionRefusal = {
  readonly code: 'busy' | 'not-supported' | 'privilege' | 'state' | 'refused';
  readonly text: string;
};

const KNOWN: Readonly<Record<number, CompletionRefusal>> = {
  [COMPLETION.busy]: { code: 'busy', text: 'it is busy' },
  [COMPLETION.invalidCommand]: { code: 'not-supported', text: 'it does not know the command' },
  0xc2: { code: 'not-supported', text: 'it does not know the command for this LUN' },
  [COMPLETION.timeout]: { code: 'busy', text: 'it ran out of time' },
  [COMPLETION.outOfSpace]: { code: 'refused', text: 'it has no room left' },
  [COMPLETION.reservation]: { code: 'busy', text: 'somebody else reserved it' },
  [COMPLETION.requestLength]: { code: 'refused', text: 'it finds the request of the wrong length' },
  [COMPLETION.outOfRange]: { code: 'refused', text: 'it finds a parameter out of range' },
  [COMPLETION.notPresent]: { code: 'not-supported', text: 'what was asked for is not there' },
  [COMPLETION.invalidField]: { code: 'not-supported', text: 'it does not know what a field asks for' },
  [COMPLETION.noResponse]: { code: 'busy', text: 'it could not answer' },
  0xcf: { code: 'busy', text: 'it takes the request for one that came twice' },
  [COMPLETION.updating]: { code: 'state', text: 'its firmware is being updated' },
  [COMPLETION.initializing]: { code: 'state', text: 'it is starting' },
  [COMPLETION.destination]: { code: 'not-supported', text: 'what was asked cannot be reached' },
  [COMPLETION.privilege]: { code: 'privilege', text: 'the account may not do that' },
  [COMPLETION.state]: { code: 'state', text: 'not in the state that it is in' },
  [COMPLETION.disabled]: { code: 'not-supported', text: 'it has the command disabled' },
};

/** What a completion code other than 0 means. 80 to BE mean what their command says, and are read there. */
export const completionRefusal = (completion: number): CompletionRefusal =>
  KNOWN[completion] ?? { code: 'refused', text: `it answered completion code 0x${completion.toString(16)}` };

/** Asked again a moment later, it may succeed; nothing was done. */
export const isPassing = (completion: number): boolean =>
  completion === COMPLETION.busy || completion === COMPLETION.timeout || completion === COMPLETION.noResponse;
