import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AnswerStore } from '#services/store/contract.ts';
import type { Vault } from '#services/vault/vault.ts';

/** A day: longer than any program goes on asking. */
const KEEP_MS = 24 * 60 * 60 * 1000;
const PRUNE_MS = 60 * 60 * 1000;

const sentAnswer = z.object({ status: z.int(), type: z.string(), etag: z.string().optional(), body: z.string() });
/** An answer as it went over the wire. */
export type SentAnswer = z.output<typeof sentAnswer>;

/** What is known of a key. */
export type Claim =
  /** Nobody had it: do it, and say how it ended. Without an answer the key is free again. */
  | { readonly kind: 'first'; end(answer: SentAnswer | undefined): Promise<void> }
  | { readonly kind: 'repeat'; readonly answer: SentAnswer }
  | { readonly kind: 'other-request' }
  /** It is being done now. */
  | { readonly kind: 'busy' }
  /** The daemon ended while it was done: nobody knows how far it came. */
  | { readonly kind: 'unknown' };

/**
 * Answers by idempotency key, so that an operation whose answer was lost may be asked for again and is not done twice
 * (draft-ietf-httpapi-idempotency-key-header-07). Kept for a day, sealed: the answer to a new token holds its secret.
 */
export type KeptAnswers = {
  claim(asked: { readonly caller: string; readonly key: string; readonly request: readonly string[] }): Promise<Claim>;
};

export function keptAnswers({
  store,
  vault,
  now,
}: {
  readonly store: AnswerStore;
  readonly vault: Pick<Vault, 'seal' | 'unseal'>;
  readonly now: () => number;
}): KeptAnswers {
  const running = new Set<string>();
  let prunedAt = Number.NEGATIVE_INFINITY;

  async function prune(): Promise<void> {
    if (now() - prunedAt < PRUNE_MS) return;
    prunedAt = now();
    await store.prune(now() - KEEP_MS);
  }

  return {
    async claim({ caller, key, request }) {
      await prune();
      const id = digest([caller, key]);
      const name = `answer/${id}`;
      // A body may hold a short password: with the key in it, which is kept nowhere, nobody can guess it from the digest.
      const claimed = { key: id, fingerprint: digest([key, ...request]), at: now() };
      const found = await store.claim(claimed);
      if (found.kind === 'claimed') {
        running.add(id);
        return {
          kind: 'first',
          async end(answer) {
            try {
              if (answer) await store.finish({ ...claimed, sealed: vault.seal(name, JSON.stringify(answer)) });
              else await store.release(id);
            } finally {
              running.delete(id);
            }
          },
        };
      }
      const { fingerprint, sealed } = found.answer;
      if (fingerprint !== claimed.fingerprint) return { kind: 'other-request' };
      if (sealed === undefined) return { kind: running.has(id) ? 'busy' : 'unknown' };
      return { kind: 'repeat', answer: sentAnswer.parse(JSON.parse(vault.unseal(name, sealed))) };
    },
  };
}

/** Of parts, none of which can be taken for the end of another. */
const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
