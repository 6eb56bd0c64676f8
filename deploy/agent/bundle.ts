import { builtinModules } from 'node:module';
import { rolldown } from 'rolldown';

/** The agent and all packages that it uses as one ES module for Node. Throws when it needs more than files of text. */
export async function bundleAgent(options: { readonly entry: string; readonly root: string }): Promise<Uint8Array> {
  await using bundle = await rolldown({
    input: options.entry,
    cwd: options.root,
    platform: 'node',
    external: [/^node:/, ...builtinModules],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, minify: true, sourcemap: false });
  const [main, ...others] = output;
  if (others.length > 0)
    throw new Error(`the agent's bundle has parts: ${others.map((one) => one.fileName).join(', ')}`);
  const foreign = main.imports.filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
  if (foreign.length > 0) throw new Error(`the agent's bundle lacks ${foreign.join(', ')}`);
  if (/require\(["'][^"']+\.node["']\)/.test(main.code)) throw new Error('the agent uses a native module');
  return new TextEncoder().encode(main.code);
}
