import { type BmcDriver, BmcError } from './contract.ts';

type Verbs = Omit<BmcDriver, 'type' | 'verbs' | typeof Symbol.asyncDispose>;

/** The verbs of a driver that has none of them: what it spreads first, and then says what it can. */
export function notSupported(what: string): Verbs {
  const lacks = (verb: string) => async (): Promise<never> => {
    throw new BmcError('not-supported', `${what} has no ${verb}`);
  };
  return {
    status: lacks('status'),
    power: async (action) => await lacks(action)(),
    bootOnce: lacks('boot-once'),
    identify: lacks('identify'),
    identity: lacks('identity'),
    inventory: lacks('inventory'),
    events: lacks('events'),
    console: lacks('console'),
  };
}
