import { ATTEMPT, startWorld } from '#test/server/http/world.ts';

// The boot plane alone, in a process of its own, for http.ts beside it: prints the URL of a file and the directory that
// the file lies in, and ends with its standard input.
const [initrdBytes, maxBytes] = process.argv.slice(2).map(Number);
if (initrdBytes === undefined || maxBytes === undefined) throw new Error('want two sizes in bytes');
await using world = await startWorld({ initrdBytes, chunks: { maxBytes }, keepEvents: false });
console.log(`${world.url}/a/${ATTEMPT}/initrd-0 ${world.directory}`);
for await (const _ of process.stdin);
