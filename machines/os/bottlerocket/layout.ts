/** Where its files for a machine go: ext4, mounted as /var/lib/bottlerocket. Found by its label, not by its number. */
export const PRIVATE_LABEL = 'BOTTLEROCKET-PRIVATE';
export const PRIVATE_TYPE = '440408BB-EB0B-4328-A6E5-A29038FAD706';

/**
 * Does a disk hold Bottlerocket, by its signatures? It mounts by the labels of partitions, and its data partition has the
 * same GUID on every machine: a second disk with them is taken for the first one, sooner or later.
 */
export const holdsBottlerocket = (signatures: readonly string[]): boolean =>
  signatures.some((one) => one.startsWith('gpt:BOTTLEROCKET-'));
