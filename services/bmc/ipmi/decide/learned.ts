/** What earlier visits found out, kept as text by whoever keeps it; what is not understood is as if it were absent. */
export type IpmiLearned = {
  /** The cipher suite that worked. */
  readonly suite?: 17 | 3;
  /** The BMC offers suite 0, under which it checks no password: to be told to a person. */
  readonly offersSuite0?: boolean;
  /** Users without a name can log in: to be told, too. */
  readonly allowsAnonymous?: boolean;
};

export function readLearned(facts: Readonly<Record<string, string>> | undefined): IpmiLearned {
  const { suite, offersSuite0, allowsAnonymous } = facts ?? {};
  return {
    ...(suite === '17' ? { suite: 17 } : suite === '3' ? { suite: 3 } : {}),
    ...(offersSuite0 === 'yes' ? { offersSuite0: true } : {}),
    ...(allowsAnonymous === 'yes' ? { allowsAnonymous: true } : {}),
  };
}

export function writeLearned(learned: IpmiLearned): Readonly<Record<string, string>> {
  const { suite, offersSuite0, allowsAnonymous } = learned;
  return {
    ...(suite === undefined ? {} : { suite: String(suite) }),
    ...(offersSuite0 === true ? { offersSuite0: 'yes' } : {}),
    ...(allowsAnonymous === true ? { allowsAnonymous: 'yes' } : {}),
  };
}
