import type { Board } from '../board.ts';
import type { Answer, JsonObject } from './answer.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Tasks } from './tasks.ts';

/** What stands at one path. Bodies are made when somebody asks: a thousand BMCs that nobody asks cost nothing. */
export type Resource = {
  readonly get?: () => JsonObject;
  readonly patch?: (body: JsonObject, by: Caller) => Answer;
  readonly post?: (body: JsonObject, by: Caller) => Answer;
  readonly remove?: (by: Caller) => Answer;
  /** Looks itself at who changes it. */
  readonly checksCaller?: boolean;
  /** An action: POST, to which If-Match means nothing. */
  readonly isAction?: boolean;
  /** Seen without a login (DSP0266 "Authentication requirements"). */
  readonly isOpen?: boolean;
};

/** Who asks: the account's name and role, and its session where it has one. */
export type Caller = {
  readonly userName: string;
  readonly role: 'Administrator' | 'Operator' | 'ReadOnly';
  readonly session?: Session;
};

export type Tree = ReadonlyMap<string, Resource>;

/** What resources are made of. */
export type Service = {
  readonly board: Board;
  readonly sessions: Sessions;
  readonly tasks: Tasks;
};

/** One action and its ActionInfo: the path it is at, its parameter's allowed values, and what it does. */
export function action(options: {
  readonly target: string;
  readonly name: string;
  readonly parameter?: { readonly name: string; readonly values: readonly string[] };
  readonly infoOnly: boolean;
}): { readonly inline: JsonObject; readonly infoPath: string; readonly info: JsonObject } {
  const { target, name, parameter, infoOnly } = options;
  const infoPath = `${target}ActionInfo`;
  const values = parameter && !infoOnly ? { [`${parameter.name}@Redfish.AllowableValues`]: parameter.values } : {};
  return {
    inline: { target, ...values, ...(parameter ? { '@Redfish.ActionInfo': infoPath } : {}) },
    infoPath,
    info: {
      '@odata.id': infoPath,
      '@odata.type': '#ActionInfo.v1_4_2.ActionInfo',
      Id: `${name}ActionInfo`,
      Name: `Parameters of ${name}`,
      Parameters: parameter
        ? [{ Name: parameter.name, Required: true, DataType: 'String', AllowableValues: parameter.values }]
        : [],
    },
  };
}
