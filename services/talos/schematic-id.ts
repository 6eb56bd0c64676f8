import { createHash } from 'node:crypto';
import { type Schematic, schematicYaml } from '#machines/os/talos/schematic.ts';

/** The name that every Image Factory gives a schematic: lower-case hex of the SHA-256 of its canonical text. */
export const schematicId = (given: Schematic): string =>
  createHash('sha256').update(schematicYaml(given)).digest('hex');
