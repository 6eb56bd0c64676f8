import type { EtcdMembers, EtcdStatus } from '../../api/messages/etcd.ts';

/** What one control plane says of its own etcd; undefined where it could not be asked. */
export type EtcdSaid = { readonly machine: string; readonly status: EtcdStatus['member_status'] | undefined };

/**
 * Why no control plane may go down now, or undefined when one may: of the members that vote, enough must be well that
 * a majority is left without `leaving`.
 */
export function whyNotOneLess(given: {
  readonly members: EtcdMembers['members'];
  readonly said: readonly EtcdSaid[];
  /** The machine that goes down. */
  readonly leaving: string;
}): string | undefined {
  const { members, said, leaving } = given;
  const voters = members.filter((member) => !member.is_learner);
  const learner = members.find((member) => member.is_learner);
  if (learner) return `${learner.hostname} is still learning, and etcd changes one member at a time`;
  const isWell = ({ machine, status }: EtcdSaid) =>
    machine !== leaving &&
    status !== undefined &&
    status !== null &&
    status.errors.length === 0 &&
    status.leader !== '0' &&
    voters.some((voter) => voter.id === status.member_id);
  const well = said.filter(isWell);
  const majority = Math.floor(voters.length / 2) + 1;
  if (voters.length === 1 && said.length === 1 && said[0]?.machine === leaving) return undefined;
  const leaders = new Set(well.map(({ status }) => status?.leader));
  if (leaders.size > 1) return 'members of etcd follow different leaders';
  return well.length >= majority
    ? undefined
    : `without ${leaving} ${well.length} of ${voters.length} members of etcd are well, want ${majority}`;
}
