import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const packageJson = z.object({ name: z.string(), version: z.string(), license: z.string().optional() });

/** The names, versions and licences of the packages in a release, with their texts. Throws where one has no licence. */
export function licensesOf(root: string, packages: readonly string[]): string {
  const texts = packages.map((folder) => {
    const read = packageJson.parse(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')));
    if (read.license === undefined) throw new Error(`${folder} names no licence`);
    const files = readdirSync(join(root, folder)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
    const body = files.sort().map((name) => readFileSync(join(root, folder, name), 'utf8').trim());
    return [`${read.name} ${read.version}: ${read.license}`, ...body].join('\n\n');
  });
  const rule = `\n\n${'-'.repeat(78)}\n\n`;
  return `Packages whose code is part of this release, with their licences.${rule}${texts.join(rule)}\n`;
}
