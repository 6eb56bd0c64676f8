import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';

/** A machine as an operator has added it: `document` is as in a file, `standing` what is otherwise. */
export const sampleMachine = (
  document: Readonly<Record<string, unknown>> = {},
  standing: Partial<Machine> = {},
): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name: 'm1', ...document }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: {},
  rev: 1,
  ...standing,
});
