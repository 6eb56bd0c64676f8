import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandPages } from './pages.ts';

/** `npm run man [DIR]`: the manual as files for man1, by default in .cache/man/man1. */
const dir = process.argv[2] ?? join(import.meta.dirname, '../../.cache/man/man1');
await mkdir(dir, { recursive: true });
// https://reproducible-builds.org/specs/source-date-epoch/
const epoch = process.env['SOURCE_DATE_EPOCH'];
const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
const pages = commandPages(date.toISOString().slice(0, 10));
for (const { file, text } of pages) await writeFile(join(dir, file), text);
console.log(`${pages.length} pages in ${dir}; look at one: man ${join(dir, 'ingot.1')}`);
