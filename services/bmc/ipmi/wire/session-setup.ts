import { type Decoded, decoding, joined, malformed, uint32Bytes } from './cursor.ts';

/** Privilege levels, IPMI v2.0 §6.8. */
export const PRIVILEGE = { user: 2, operator: 3, administrator: 4 } as const;
export type Privilege = keyof typeof PRIVILEGE;

/** The three algorithms of a cipher suite by their numbers (IPMI v2.0 §13.27 and 13.28). */
export type Algorithms = { readonly auth: number; readonly integrity: number; readonly confidentiality: number };

/** RMCP+ status codes, IPMI v2.0 table 13-15: as far as they mean something to us. */
export const STATUS = {
  ok: 0x00,
  noResources: 0x01,
  invalidSession: 0x02,
  noAuth: 0x04,
  noIntegrity: 0x05,
  inactiveSession: 0x08,
  invalidRole: 0x09,
  unauthorizedRole: 0x0a,
  noResourcesForRole: 0x0b,
  nameLength: 0x0c,
  unauthorizedName: 0x0d,
  integrityValue: 0x0f,
  noConfidentiality: 0x10,
  noSuite: 0x11,
} as const;

const STATUS_TEXT: Readonly<Record<number, string>> = {
  [STATUS.noResources]: 'it has no session free',
  [STATUS.invalidSession]: 'it does not know the session',
  3: 'it does not know the payload',
  [STATUS.noAuth]: 'it does not know the authentication algorithm',
  [STATUS.noIntegrity]: 'it does not know the integrity algorithm',
  6: 'no authentication algorithm suits it',
  7: 'no integrity algorithm suits it',
  [STATUS.inactiveSession]: 'the session is not active',
  [STATUS.invalidRole]: 'it does not know the privilege level',
  [STATUS.unauthorizedRole]: 'the account may not have the privilege level',
  [STATUS.noResourcesForRole]: 'it has no session free at the privilege level',
  [STATUS.nameLength]: 'the name is too long for it',
  [STATUS.unauthorizedName]: 'it does not know the user',
  14: 'it is not the machine that was asked for',
  [STATUS.integrityValue]: 'the password is wrong',
  [STATUS.noConfidentiality]: 'it does not know the confidentiality algorithm',
  [STATUS.noSuite]: 'it does not have the cipher suite',
  18: 'it does not understand a parameter',
};

export const statusText = (status: number): string => STATUS_TEXT[status] ?? `RMCP+ status ${hexByte(status)}`;

const hexByte = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;

/** RMCP+ Open Session Request, IPMI v2.0 §13.17. `maximum` 0 asks for the highest the BMC can give. */
export function encodeOpenRequest(request: {
  readonly tag: number;
  readonly consoleId: number;
  readonly algorithms: Algorithms;
}): Uint8Array {
  const { auth, integrity, confidentiality } = request.algorithms;
  const algorithm = (type: number, number: number) => Uint8Array.of(type, 0, 0, 8, number, 0, 0, 0);
  return joined(
    Uint8Array.of(request.tag, 0, 0, 0),
    uint32Bytes(request.consoleId),
    algorithm(0, auth),
    algorithm(1, integrity),
    algorithm(2, confidentiality),
  );
}

/** An answer that says no: a BMC may leave out all that follows the console's session ID. */
export type Refused = { readonly kind: 'refused'; readonly tag: number; readonly status: number };

export type OpenResponse =
  | Refused
  | {
      readonly kind: 'opened';
      readonly tag: number;
      readonly consoleId: number;
      readonly bmcId: number;
      readonly algorithms: Algorithms;
    };

/** RMCP+ Open Session Response, IPMI v2.0 §13.18. */
export function decodeOpenResponse(payload: Uint8Array): Decoded<OpenResponse> {
  return decoding(payload, (read) => {
    const tag = read.uint8('message tag');
    const status = read.uint8('status');
    if (status !== STATUS.ok) return { kind: 'refused', tag, status };
    read.bytes(2, 'privilege level');
    const consoleId = read.uint32('console session ID');
    const bmcId = read.uint32('BMC session ID');
    if (bmcId === 0) malformed('the BMC session ID is 0');
    const algorithm = (type: number): number => {
      const got = read.uint8('algorithm type');
      if (got !== type) malformed(`algorithm type is ${got}, want ${type}`);
      read.bytes(3, 'algorithm length');
      const number = read.uint8('algorithm') & 0x3f;
      read.bytes(3, 'algorithm');
      return number;
    };
    const algorithms = { auth: algorithm(0), integrity: algorithm(1), confidentiality: algorithm(2) };
    return { kind: 'opened', tag, consoleId, bmcId, algorithms };
  });
}

/** Name-only lookup (bit 4): the user is found by name, whatever level is asked for (IPMI v2.0 §13.20). */
export const roleByte = (privilege: Privilege): number => 0x10 | PRIVILEGE[privilege];

/** RAKP Message 1, IPMI v2.0 §13.20. `random` is 16 bytes, `name` at most 16. */
export function encodeRakp1(message: {
  readonly tag: number;
  readonly bmcId: number;
  readonly random: Uint8Array;
  readonly role: number;
  readonly name: Uint8Array;
}): Uint8Array {
  return joined(
    Uint8Array.of(message.tag, 0, 0, 0),
    uint32Bytes(message.bmcId),
    message.random,
    Uint8Array.of(message.role, 0, 0, message.name.length),
    message.name,
  );
}

export type Rakp2 =
  | Refused
  | {
      readonly kind: 'rakp2';
      readonly tag: number;
      readonly consoleId: number;
      /** Rc, 16 bytes. */
      readonly random: Uint8Array;
      /** 16 bytes, as they stand on the wire. */
      readonly guid: Uint8Array;
      readonly code: Uint8Array;
    };

/** RAKP Message 2, IPMI v2.0 §13.21. */
export function decodeRakp2(payload: Uint8Array): Decoded<Rakp2> {
  return decoding(payload, (read) => {
    const tag = read.uint8('message tag');
    const status = read.uint8('status');
    if (status !== STATUS.ok) return { kind: 'refused', tag, status };
    read.bytes(2, 'reserved bytes');
    const consoleId = read.uint32('console session ID');
    const random = read.bytes(16, 'random number');
    const guid = read.bytes(16, 'GUID');
    return { kind: 'rakp2', tag, consoleId, random, guid, code: read.rest() };
  });
}

/**
 * RAKP Message 3, IPMI v2.0 §13.22. A status other than 0 tells the BMC that we are leaving, so that it frees what it
 * holds; then there is no code.
 */
export const encodeRakp3 = (message: {
  readonly tag: number;
  readonly status: number;
  readonly bmcId: number;
  readonly code: Uint8Array;
}): Uint8Array => joined(Uint8Array.of(message.tag, message.status, 0, 0), uint32Bytes(message.bmcId), message.code);

export type Rakp4 =
  | Refused
  | { readonly kind: 'rakp4'; readonly tag: number; readonly consoleId: number; readonly code: Uint8Array };

/** RAKP Message 4, IPMI v2.0 §13.23. */
export function decodeRakp4(payload: Uint8Array): Decoded<Rakp4> {
  return decoding(payload, (read) => {
    const tag = read.uint8('message tag');
    const status = read.uint8('status');
    if (status !== STATUS.ok) return { kind: 'refused', tag, status };
    read.bytes(2, 'reserved bytes');
    return { kind: 'rakp4', tag, consoleId: read.uint32('console session ID'), code: read.rest() };
  });
}

/** What a channel offers to anybody who asks (Get Channel Authentication Capabilities, IPMI v2.0 §22.13). */
export type AuthCapabilities = {
  readonly hasIpmi20: boolean;
  /** Sessions need K_g besides a password. */
  readonly wantsKg: boolean;
  /** Users without a name, or without name and password, can log in. */
  readonly hasNullUser: boolean;
  readonly hasAnonymous: boolean;
};

/** This channel (E), with what IPMI 2.0 adds (bit 7), as this privilege level would find it. */
export const authCapabilitiesRequest = (privilege: Privilege): Uint8Array => Uint8Array.of(0x8e, PRIVILEGE[privilege]);

export function decodeAuthCapabilities(data: Uint8Array): Decoded<AuthCapabilities> {
  return decoding(data, (read) => {
    read.uint8('channel');
    const types = read.uint8('authentication types');
    const status = read.uint8('authentication status');
    const has20 = (types & 0x80) !== 0 && read.left() > 0 && (read.uint8('extended capabilities') & 0x02) !== 0;
    return {
      hasIpmi20: has20,
      wantsKg: has20 && (status & 0x20) !== 0,
      hasNullUser: (status & 0x02) !== 0,
      hasAnonymous: (status & 0x01) !== 0,
    };
  });
}

export const CIPHER_SUITES_PER_PART = 16;
/** Index is 6 bits. */
export const CIPHER_SUITE_PARTS = 64;

/** Get Channel Cipher Suites (IPMI v2.0 §22.15): the list for the payload IPMI, 16 bytes for each index. */
export const cipherSuitesRequest = (index: number): Uint8Array => Uint8Array.of(0x0e, 0x00, 0x80 | index);

/**
 * The numbers of the standard suites in the whole list (records of IPMI v2.0 table 22-18). OEM suites are passed over;
 * what follows a record that is not understood is not read.
 */
export function decodeCipherSuites(records: Uint8Array): readonly number[] {
  const suites: number[] = [];
  let at = 0;
  while (at < records.length) {
    const isStandard = records[at] === 0xc0;
    if (!isStandard && records[at] !== 0xc1) break;
    const id = records[at + 1];
    if (isStandard && id !== undefined) suites.push(id);
    at += isStandard ? 2 : 5;
    // Algorithms of the suite: their two highest bits are never 11, which starts the next record.
    while (at < records.length && ((records[at] ?? 0xff) & 0xc0) !== 0xc0) at += 1;
  }
  return suites;
}
