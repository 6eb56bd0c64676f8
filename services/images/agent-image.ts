import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { lookAtFile } from './blob.ts';
import type { Blob } from './contract.ts';

const LOOKED_EVERY_MS = 1000;
const MAX_MANIFEST_BYTES = 16 << 20;
const KERNEL = 'vmlinuz';
const INITRD = 'initrd.zst';

/** Processors that the builder makes images for. */
export const AGENT_ARCHITECTURES = ['x86_64', 'arm64'] as const;
type AgentArchitecture = (typeof AGENT_ARCHITECTURES)[number];

/** Of deploy/agent's `manifest.json` what is needed to boot it. */
const manifest = z.looseObject({
  format: z.literal(1),
  id: z.string().max(128),
  architecture: z.enum(AGENT_ARCHITECTURES),
  /** Goes on the kernel's command line, within a line of a script. */
  commandLine: z
    .string()
    .max(1024)
    .regex(/^[\x20-\x7e]*$/, 'want plain text'),
  outputs: z.array(z.looseObject({ name: z.string(), bytes: z.int().min(1) })),
});

export type AgentImageState =
  | {
      readonly kind: 'ready';
      readonly id: string;
      readonly arch: AgentArchitecture;
      readonly commandLine: string;
    }
  /** Why there is none, and what to do. */
  | { readonly kind: 'missing'; readonly because: string };

/** The agent as `npm run agent:image` leaves it: `vmlinuz`, `initrd.zst` and `manifest.json`. */
export type AgentImage = {
  /** As of the last look, at most a second ago: a packet cannot wait for a disk, and a few bytes of metadata it can. */
  state(): AgentImageState;
  asset(
    what: 'kernel' | 'initrd',
  ): Promise<{ readonly kind: 'found'; readonly blob: Blob } | { readonly kind: 'missing'; readonly because: string }>;
};

/** Where the builder puts it. */
export const agentImageDir = (dataDir: string, architecture: AgentArchitecture = 'x86_64'): string =>
  join(dataDir, 'agent', architecture);

/** The agent for each processor. */
export type AgentImages = {
  /** `architecture` as firmware or iPXE named it. Where that is not known, or there is none for it, x86_64's. */
  of(architecture: string | undefined): AgentImage;
};

export function openAgentImages({
  dataDir,
  now,
}: {
  readonly dataDir: string;
  readonly now: () => number;
}): AgentImages {
  const usual = openAgentImage({ dir: agentImageDir(dataDir), now });
  const arm64 = openAgentImage({ dir: agentImageDir(dataDir, 'arm64'), now });
  // Without one, what is wrong with the usual one for that machine is said: it is for another processor, or not there.
  return { of: (architecture) => (architecture === 'arm64' && arm64.state().kind === 'ready' ? arm64 : usual) };
}

/** `dir` such as `data/agent/x86_64`. */
export function openAgentImage({ dir, now }: { readonly dir: string; readonly now: () => number }): AgentImage {
  const manifestPath = join(dir, 'manifest.json');
  let lookedAt = Number.NEGATIVE_INFINITY;
  let seen = '';
  let state: AgentImageState = { kind: 'missing', because: '' };

  function look(): AgentImageState {
    const files = [manifestPath, join(dir, KERNEL), join(dir, INITRD)].map((path) =>
      statSync(path, { throwIfNoEntry: false }),
    );
    const marks = files.map((file) => (file?.isFile() === true ? `${file.ino} ${file.size} ${file.mtimeMs}` : '-'));
    const mark = marks.join('\n');
    if (mark === seen) return state;
    seen = mark;
    if (files.every((file) => file === undefined)) {
      return missing(`no agent image is in ${dir}: npm run agent:image builds one`);
    }
    const [list, ...outputs] = files;
    if (!list?.isFile()) return missing(`${manifestPath} is missing: npm run agent:image builds the image anew`);
    if (list.size > MAX_MANIFEST_BYTES) return missing(`${manifestPath} is ${list.size} bytes, which is no manifest`);
    const read = parseManifest(readFileSync(manifestPath, 'utf8'));
    if (typeof read === 'string') return missing(`${manifestPath}: ${read}: npm run agent:image builds the image anew`);
    // While a new one is being written the files do not fit together.
    for (const [index, name] of [KERNEL, INITRD].entries()) {
      const wanted = read.outputs.find((one) => one.name === name)?.bytes;
      const got = outputs[index]?.size;
      if (wanted === undefined || wanted !== got) {
        return missing(`${join(dir, name)} is ${got ?? 'no'} bytes, its manifest says ${wanted ?? 'nothing'}`);
      }
    }
    const { id, architecture, commandLine } = read;
    return { kind: 'ready', id, arch: architecture, commandLine };
  }

  return {
    state() {
      if (now() - lookedAt < LOOKED_EVERY_MS && now() >= lookedAt) return state;
      lookedAt = now();
      try {
        state = look();
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        seen = '';
        state = missing(`the agent image in ${dir} cannot be read (${String(error.code)})`);
      }
      return state;
    },
    async asset(what) {
      const looked = await lookAtFile(join(dir, what === 'kernel' ? KERNEL : INITRD));
      return looked.kind === 'found' ? looked : { kind: 'missing', because: looked.because };
    },
  };
}

const missing = (because: string): AgentImageState => ({ kind: 'missing', because });

function parseManifest(text: string): z.output<typeof manifest> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  const result = manifest.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown form'}`;
}
