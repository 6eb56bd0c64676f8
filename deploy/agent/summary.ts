import type { Manifest } from './manifest.ts';

/** What a person wants to know of an image that was just built. */
export function summary(manifest: Manifest, { seconds }: { readonly seconds: number }): string {
  const size = (bytes: number) => `${(bytes / (1 << 20)).toFixed(1).padStart(7)} MiB`;
  const without = manifest.firmware.missing.filter((one) => one.complete === false);
  const partly = manifest.firmware.missing.filter((one) => one.complete === 'some');
  const kernel = new Set(manifest.files.filter((one) => one.path.startsWith('lib/firmware/')).map((one) => one.path));
  const firmwareBytes = manifest.files.reduce((sum, one) => sum + (kernel.has(one.path) ? one.bytes : 0), 0);
  return [
    `agent image ${manifest.id}, variant ${manifest.variant}, ${manifest.architecture}`,
    ...manifest.outputs.map((one) => `  ${one.name.padEnd(12)} ${size(one.bytes)}  sha256 ${one.sha256}`),
    `  in memory    ${size(manifest.unpackedBytes)}`,
    ...manifest.layers.map((one) => `    ${one.name.padEnd(10)} ${size(one.bytes)}  of ${size(one.unpackedBytes)}`),
    `kernel ${manifest.kernel}, ${manifest.modules.length} modules`,
    `node ${manifest.node.version}, agent ${size(manifest.agent.bytes).trim()}`,
    `firmware ${manifest.firmware.found.length} files, ${size(firmwareBytes).trim()}`,
    ...list(
      'drivers without firmware',
      without.map((one) => one.module),
    ),
    ...list(
      'drivers without some of theirs',
      partly.map((one) => `${one.module} (${one.files.length})`),
    ),
    ...list('programs', manifest.programs),
    `${manifest.packages.length} packages, ${seconds.toFixed(1)} s`,
  ].join('\n');
}

function list(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${title}: ${names.join(' ')}`];
}
