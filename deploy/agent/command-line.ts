import { parseArgs } from 'node:util';
import { IMAGE_ARCHITECTURES, type ImageArchitecture, VARIANTS, type Variant } from './contents.ts';

export const USAGE = `usage: npm run agent:image -- [options]
  --variant vm|metal     vm: small, for virtual machines; metal: drivers and firmware of servers (default metal)
  --arch x86_64|arm64    the processor of the machines (default x86_64); none of it is run here
  --node FILE            Node for that processor (default: the one that builds; for arm64 the pinned one of npm)
  --out DIR              where vmlinuz, initrd.zst and manifest.json go (default data/agent/ARCH)
  --firmware DIR         firmware of your own, laid out as /lib/firmware; it goes before Debian's
  --mirror URL           a mirror of Debian (default: the one that this machine's apt has)
  --security-mirror URL  a mirror of its security updates (default: likewise, unless --mirror is given)
  --snapshot             the mirrors are of the past: take lists whose validity has run out
  --level N              of zstd, 1 to 22 (default 19)
  --entry FILE           the agent's program (default machines/agent/main.ts)
  --cache DIR            what is downloaded and compressed stays there (default .cache/agent-image)`;

export type CommandLine =
  | {
      readonly kind: 'build';
      readonly variant: Variant;
      readonly architecture: ImageArchitecture;
      readonly node: string | undefined;
      readonly level: number;
      readonly snapshot: boolean;
      readonly out: string | undefined;
      readonly firmware: string | undefined;
      readonly mirror: string | undefined;
      readonly securityMirror: string | undefined;
      readonly entry: string | undefined;
      readonly cache: string | undefined;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly because: string };

export function parseCommandLine(args: readonly string[]): CommandLine {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        variant: { type: 'string', default: 'metal' },
        arch: { type: 'string', default: 'x86_64' },
        node: { type: 'string' },
        out: { type: 'string' },
        firmware: { type: 'string' },
        mirror: { type: 'string' },
        'security-mirror': { type: 'string' },
        snapshot: { type: 'boolean', default: false },
        level: { type: 'string', default: '19' },
        entry: { type: 'string' },
        cache: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const variant = VARIANTS.find((one) => one === values.variant);
    if (variant === undefined) return wrong(`got --variant ${values.variant}, want ${VARIANTS.join(' or ')}`);
    const architecture = IMAGE_ARCHITECTURES.find((one) => one === values.arch);
    if (architecture === undefined) return wrong(`got --arch ${values.arch}, want ${IMAGE_ARCHITECTURES.join(' or ')}`);
    const level = Number(values.level);
    if (!Number.isInteger(level) || level < 1 || level > 22) return wrong(`got --level ${values.level}, want 1 to 22`);
    const { out, firmware, mirror, snapshot, entry, cache, node } = values;
    const securityMirror = values['security-mirror'];
    return {
      kind: 'build',
      variant,
      architecture,
      node,
      level,
      snapshot,
      out,
      firmware,
      mirror,
      securityMirror,
      entry,
      cache,
    };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function wrong(because: string): CommandLine {
  return { kind: 'wrong', because };
}
