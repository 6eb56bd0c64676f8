import { EVENT_KINDS } from '#machines/api/messages/streams.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';

/**
 * What is asked of Talos' own code, one a line: every method that we call or serve and that Talos has, and what events
 * carry. Answered by test/interop/machine-api/golden-bytes, kept in test/golden/machine-api/messages.jsonl.
 */
export const askedOfTalos = (definition: MachineApiDefinition): readonly string[] => [
  ...[...definition.methods.keys()].filter((path) => !path.startsWith('/ingot.')),
  ...EVENT_KINDS,
];

export const GOLDEN_MESSAGES = new URL('../../golden/machine-api/messages.jsonl', import.meta.url);
