import { type Answer, silence } from './answer.ts';
import type { Place } from './place.ts';
import { answerAsBootServer, answerAsProxy } from './proxy-answer.ts';
import type { LeaseQuestion, Question } from './question.ts';
import { answerAsServer } from './server-answer.ts';

/** What only server mode asks; worked out only then. */
export type LeaseFacts = Omit<LeaseQuestion, keyof Question | 'network' | 'key'>;

/** The one decision: a packet and what is known give an answer. Steps in order, and each of them ends in one. */
export function answerDhcp(question: Question, place: Place, leaseFacts: () => LeaseFacts): Answer {
  if (place.kind === 'silent') return silence(place.code, place.because);
  if (question.arrival.plane === 'boot-server') return answerAsBootServer(question);
  const { mode, network } = place;
  if (mode === 'proxy') return answerAsProxy(question);
  if (!network) return silence('unknown-subnet', 'there is no subnet to lease from');
  const { key } = question.client;
  if (key === undefined) return silence('ignored', 'nothing in it tells this client from others');
  return answerAsServer({ ...question, ...leaseFacts(), network, key });
}
