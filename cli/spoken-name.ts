import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** How people call this program: a checkout has it by npx, a package in their path. */
export const spokenName = (): 'ingot' | 'npx ingot' =>
  existsSync(join(import.meta.dirname, '../tsconfig.json')) ? 'npx ingot' : 'ingot';
