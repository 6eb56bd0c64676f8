import type { Parsed } from '../../../../values/parsed.ts';
import { concat, long, malformed, readAll } from './byte-reader.ts';

/** RMCP+ and RAKP status codes, IPMI v2.0 table 13-15. */
export const SETUP_STATUS = {
  done: 0x00,
  noResources: 0x01,
  wrongSession: 0x02,
  authentication: 0x04,
  integrity: 0x05,
  wrongRole: 0x09,
  role: 0x0a,
  nameLength: 0x0c,
  name: 0x0d,
  integrityValue: 0x0f,
  confidentiality: 0x10,
  noSuite: 0x11,
} as const;

export type Algorithms = {
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
};

export type OpenRequest = {
  readonly tag: number;
  /** 0: the highest that there is. */
  readonly level: number;
  readonly consoleId: number;
  readonly algorithms: Algorithms;
};

/** Table 13-9. */
export function decodeOpenRequest(payload: Uint8Array): Parsed<OpenRequest> {
  return readAll(payload, (from) => {
    const tag = from.byte();
    const level = from.byte() & 0x0f;
    from.take(2);
    const consoleId = from.long();
    const algorithm = (type: number): number => {
      const got = from.byte();
      if (got !== type) malformed(`got algorithm payload ${got}, want ${type}`);
      from.take(3);
      const value = from.byte() & 0x3f;
      from.take(3);
      return value;
    };
    const algorithms = { authentication: algorithm(0), integrity: algorithm(1), confidentiality: algorithm(2) };
    return { tag, level, consoleId, algorithms };
  });
}

/** Table 13-10. */
export function encodeOpenResponse(request: OpenRequest, session: { readonly level: number; readonly bmcId: number }) {
  const algorithm = (type: number, value: number): readonly number[] => [type, 0, 0, 8, value, 0, 0, 0];
  const { authentication, integrity, confidentiality } = request.algorithms;
  return concat(
    [request.tag, SETUP_STATUS.done, session.level, 0],
    long(request.consoleId),
    long(session.bmcId),
    algorithm(0, authentication),
    algorithm(1, integrity),
    algorithm(2, confidentiality),
  );
}

/** Of every step: what was wrong, and nothing after the console's session. */
export function encodeRefusal(tag: number, status: number, consoleId: number): Uint8Array {
  return concat([tag, status, 0, 0], long(consoleId));
}

export type Rakp1 = {
  readonly tag: number;
  readonly bmcId: number;
  readonly consoleRandom: Uint8Array;
  /** As it stands on the wire: the level, and whether the name alone says who it is. */
  readonly role: number;
  /** Longer than 16 bytes is not allowed, and is said to the client. */
  readonly name: Uint8Array;
};

/** Table 13-11. */
export function decodeRakp1(payload: Uint8Array): Parsed<Rakp1> {
  return readAll(payload, (from) => {
    const tag = from.byte();
    from.take(3);
    const bmcId = from.long();
    const consoleRandom = from.take(16);
    const role = from.byte();
    from.take(2);
    return { tag, bmcId, consoleRandom, role, name: from.take(from.byte()) };
  });
}

/** Table 13-12. */
export function encodeRakp2(answer: {
  readonly tag: number;
  readonly consoleId: number;
  readonly bmcRandom: Uint8Array;
  readonly guid: Uint8Array;
  readonly code: Uint8Array;
}): Uint8Array {
  const { tag, consoleId, bmcRandom, guid, code } = answer;
  return concat([tag, SETUP_STATUS.done, 0, 0], long(consoleId), bmcRandom, guid, code);
}

export type Rakp3 = {
  readonly tag: number;
  /** Not 0: the client gives up, and is not answered. */
  readonly status: number;
  readonly bmcId: number;
  readonly code: Uint8Array;
};

/** Table 13-13. */
export function decodeRakp3(payload: Uint8Array): Parsed<Rakp3> {
  return readAll(payload, (from) => {
    const tag = from.byte();
    const status = from.byte();
    from.take(2);
    return { tag, status, bmcId: from.long(), code: from.take(from.left()) };
  });
}

/** Table 13-14. */
export function encodeRakp4(tag: number, consoleId: number, code: Uint8Array): Uint8Array {
  return concat([tag, SETUP_STATUS.done, 0, 0], long(consoleId), code);
}
