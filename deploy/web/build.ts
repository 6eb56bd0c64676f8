// Builds the page, web/dist, in a process of its own.
//
//   node deploy/web/build.ts              always
//   node deploy/web/build.ts --if-older   only when a source is newer than what was built: `npm start` and `npm test`
import { buildPage, isPageOlder } from './page.ts';

const onlyIfOlder = process.argv.includes('--if-older');
if (!onlyIfOlder || (await isPageOlder())) {
  const started = performance.now();
  await buildPage();
  console.log(`the page is built (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
