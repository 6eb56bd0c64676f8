import { STATUS } from '../wire/session-setup.ts';

/** What an RMCP+ status means for who logs in. */
export type SetupRefusal =
  /** Another cipher suite may suit it. */
  | 'suite'
  /** A lower privilege level may suit it. */
  | 'privilege'
  /** User or password. */
  | 'credential'
  /** None free; trying again at once makes it worse. */
  | 'sessions'
  /** It lost track of this attempt, as after a message that came twice: a fresh one may succeed. */
  | 'stale'
  | 'refused';

export function setupRefusal(status: number): SetupRefusal {
  switch (status) {
    case STATUS.noAuth:
    case STATUS.noIntegrity:
    case STATUS.noConfidentiality:
    case STATUS.noSuite:
    case 0x06:
    case 0x07:
    // Not seen from a BMC we know of, but the one other thing that a request it does not like could be called.
    case 0x12:
      return 'suite';
    case STATUS.invalidRole:
    case STATUS.unauthorizedRole:
      return 'privilege';
    case STATUS.unauthorizedName:
    case STATUS.nameLength:
    case STATUS.integrityValue:
      return 'credential';
    case STATUS.noResources:
    case STATUS.noResourcesForRole:
      return 'sessions';
    case STATUS.invalidSession:
    case STATUS.inactiveSession:
      return 'stale';
    default:
      return 'refused';
  }
}
