import type { BmcService } from '../../bmc/contract.ts';
import { type Handlers, notFound, problemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { differences } from '../decide/difference.ts';
import type { CredentialChange } from '#machines/contract/api/bmc-resource.ts';

type Names = 'listCredentials' | 'applyCredentials' | 'putCredential' | 'removeCredential';

/** Credentials of BMCs: what is said of them is shown, their secrets go one way only. */
export function credentialHandlers({
  bmc,
  registry,
}: Pick<OperatorApiParts, 'bmc' | 'registry'>): Pick<Handlers, Names> {
  const { credentials } = bmc;
  type Info = Awaited<ReturnType<BmcService['credentials']['list']>>[number];

  /** Machines that name it, beside those that go. A BMC with a password of its own needs it no more, its machine does. */
  const namedBy = (name: string, leaving: ReadonlySet<string> = new Set()): readonly string[] =>
    registry
      .machines()
      .flatMap(({ document }) =>
        document.bmc?.credential === name && !leaving.has(document.name) ? [document.name] : [],
      );

  async function pruned(
    body: { readonly from?: string | undefined; readonly leaving: readonly string[]; readonly dryRun: boolean },
    given: ReadonlySet<string>,
  ): Promise<readonly CredentialChange[]> {
    const { from, dryRun } = body;
    const leaving = new Set(body.leaving);
    const gone = (one: Info): boolean => from !== undefined && one.appliedFrom === from && !given.has(one.name);
    const changes: CredentialChange[] = [];
    for (const { name } of (await credentials.list()).filter(gone)) {
      const users = namedBy(name, leaving);
      const about = { kind: 'Credential' as const, name, differences: [] };
      if (users.length > 0) {
        changes.push({ ...about, change: 'kept', because: `it is named by ${some(users)}` });
        continue;
      }
      if (!dryRun) await credentials.remove(name);
      changes.push({ ...about, change: 'removed' });
    }
    return changes;
  }

  return {
    async listCredentials() {
      return { kind: 'done', value: { items: (await credentials.list()).map(sent) } };
    },

    async applyCredentials({ body }) {
      const { dryRun, from } = body;
      const changes: CredentialChange[] = [];
      const given = new Set<string>();
      for (const [index, { name, ...wanted }] of body.credentials.entries()) {
        const about = { kind: 'Credential', name, index } as const;
        if (given.has(name)) {
          changes.push({ ...about, change: 'failed', differences: [], because: 'got it twice, want it once' });
          continue;
        }
        given.add(name);
        const { password, kg, rotateDays, ...rest } = wanted;
        const result = await credentials.apply(
          name,
          {
            ...rest,
            ...(password === undefined ? {} : { password }),
            ...(kg === undefined ? {} : { kg }),
            ...(rotateDays === undefined ? {} : { rotateDays }),
          },
          { dryRun, from },
        );
        if (result.kind === 'without') {
          const because =
            'there is no sealed password that could stay: say from: { file: FILE } or from: { env: NAME }';
          changes.push({ ...about, change: 'failed', differences: [], because });
          continue;
        }
        const { before, after } = result.shown;
        const found = result.kind === 'changed' && before ? differences(before, after) : [];
        changes.push({ ...about, change: result.kind, differences: [...found] });
      }
      if (body.prune) changes.push(...(await pruned(body, given)));
      const done = changes.filter(({ change }) => change === 'created' || change === 'changed' || change === 'removed');
      return {
        kind: 'done',
        value: { dryRun, ok: changes.every(({ change }) => change !== 'failed'), changes },
        audit:
          dryRun || done.length === 0
            ? 'nothing-changed'
            : {
                target: done.length === 1 ? (done[0]?.name ?? '') : `${done.length} credentials`,
                detail: done.map(({ name, change }) => `credential ${name} ${change}`).join(', '),
              },
      };
    },

    async putCredential({ params: { name }, body }) {
      const { username, password, kg, rotateDays, ownUser } = body;
      await credentials.set(name, { username, password, ...(kg === undefined ? {} : { kg }) }, { rotateDays, ownUser });
      const stored = (await credentials.list()).find((one) => one.name === name);
      if (!stored) return notFound(`credential ${name}`);
      return { kind: 'done', value: sent(stored), audit: { target: name, detail: `credential of ${username}` } };
    },

    async removeCredential({ params: { name } }) {
      const used = (await credentials.list()).find((one) => one.name === name)?.usedBy ?? [];
      if (used.length > 0) {
        return problemAnswer('refused', {
          detail: `credential ${name} opens ${some(used)}`,
          next: 'give them another one first',
        });
      }
      return (await credentials.remove(name)) ? { kind: 'done', value: undefined } : notFound(`credential ${name}`);
    },
  };
}

const some = (all: readonly string[]): string =>
  all.slice(0, 3).join(', ') + (all.length > 3 ? ` and ${all.length - 3} more` : '');

const sent = ({ labels, usedBy, ...one }: Awaited<ReturnType<BmcService['credentials']['list']>>[number]) => ({
  ...one,
  labels: { ...labels },
  usedBy: [...usedBy],
});
