import { z } from 'zod';
import { ARCHITECTURES } from '../../values/architecture.ts';
import { ASSET_ROLES, imagePull, name, sha256 } from '../documents.ts';

const bytes = z.int().min(0);

/**
 * How one file of an image stands. `ready`: it can be served now. `waiting`, `fetching`: it comes from its URL.
 * `preparing`: an image of a disk is read and normalised. `missing`: `because` says why.
 */
export const imageFileState = z
  .object({
    role: z.enum(ASSET_ROLES),
    /** `path`: of the daemon's machine; `url`: fetched; `upload`: given to the daemon. */
    from: z.enum(['path', 'url', 'upload']),
    /** The path, the URL or the digest. */
    where: z.string(),
    state: z.enum(['ready', 'waiting', 'fetching', 'preparing', 'missing']),
    because: z.string().optional(),
    /** 0 to 1, where it can be known. */
    progress: z.number().min(0).max(1).optional(),
    /** Of the file as it lies here. */
    bytes: bytes.optional(),
    /** Of the file as it lies here, where it is known already. */
    sha256: sha256.optional(),
    /** Of a disk: what it takes on the machine, and how it is sent. */
    disk: z.object({ rawBytes: bytes, sentBytes: bytes, sha256, compression: z.enum(['none', 'zstd']) }).optional(),
    /** What was found to be right when it came, in plain words: which digest, whose signature. */
    checked: z.array(z.string()).default([]),
  })
  .meta({ id: 'ImageFileState' });
export type ImageFileState = z.output<typeof imageFileState>;

export const imageState = z
  .object({
    name,
    arch: z.enum(ARCHITECTURES),
    /** The worst of its files. */
    state: imageFileState.shape.state,
    because: z.string().optional(),
    progress: z.number().min(0).max(1).optional(),
    /** What all its files take in the data directory, what was made of them included. */
    bytes,
    files: z.array(imageFileState),
    /** Profiles that boot or install it. */
    profiles: z.array(name),
    /** What its machines fetch from elsewhere although all its files are here. */
    pulls: z.array(imagePull),
  })
  .meta({ id: 'ImageState' });
export type ImageState = z.output<typeof imageState>;

/** What was read of a file, byte for byte, and whether that is what it should be. */
export const fileVerification = z
  .object({
    kind: z.enum(['right', 'wrong', 'missing']),
    /** In plain words: what was compared, or what is wrong. */
    text: z.string(),
    bytes: bytes.optional(),
    sha256: sha256.optional(),
  })
  .meta({ id: 'ImageFileVerification' });
export type FileVerification = z.output<typeof fileVerification>;

/** A file on its way to the daemon, or there. */
export const upload = z
  .object({
    sha256,
    /** How many bytes are there; go on from here. */
    bytes,
    complete: z.boolean(),
  })
  .meta({ id: 'Upload' });

export const uploadPiece = z.strictObject({
  offset: z.coerce.number().int().min(0).meta({ description: 'where in the file this piece begins' }),
  total: z.coerce.number().int().min(1).meta({ description: 'bytes of the whole file' }),
});

/** A piece is held in memory, and must come within a minute. */
export const MAX_PIECE_BYTES = 8 << 20;

export const garbage = z
  .object({
    items: z.array(z.object({ file: z.string(), bytes, because: z.string() })),
    bytes,
    removed: z.boolean(),
  })
  .meta({ id: 'ImageGarbage' });
export type Garbage = z.output<typeof garbage>;

/** What the built-in catalog knows: where a vendor keeps an image, and what proves it. */
export const catalogEntry = z
  .object({
    /** Before the `@` of a reference. */
    name,
    title: z.string(),
    /** `disk`: written to one by the agent. `netboot`: kernel and initrd. */
    boots: z.enum(['disk', 'netboot']),
    architectures: z.array(z.enum(ARCHITECTURES)),
    /** What may stand after the `@`. */
    versions: z.string(),
    /** What proves its files, in plain words. */
    proof: z.string(),
  })
  .meta({ id: 'CatalogEntry' });
export type CatalogEntry = z.output<typeof catalogEntry>;

export const catalogOrder = z.strictObject({
  /** Such as `debian@12`. */
  reference: z.string().max(255),
  /** Of the image; made of the reference where nothing is said. */
  name: name.optional(),
  arch: z.enum(ARCHITECTURES).default('x86_64'),
});

export const catalogAnswer = z
  .object({
    name,
    change: z.enum(['created', 'changed', 'unchanged']),
    urls: z.array(z.string()),
    proof: z.string(),
    pulls: z.array(imagePull),
    /** Kernel arguments that a profile of it needs. */
    args: z.array(z.string()),
  })
  .meta({ id: 'CatalogAnswer' });

/** The agent’s image: files of its folder, in the order in which they are put there. */
export const AGENT_FILES = ['vmlinuz', 'initrd.zst', 'manifest.json'] as const;
export const agentFile = z.object({ name: z.enum(AGENT_FILES), sha256, bytes: z.int().min(1) });
export type AgentFile = z.output<typeof agentFile>;
/** Empty where there is none. */
export const agentImageFiles = z.object({ files: z.array(agentFile).max(3) }).meta({ id: 'AgentImage' });
/** Files that were uploaded before, by their digests. */
export const agentImageOrder = z.strictObject({
  files: z.array(z.strictObject({ name: z.enum(AGENT_FILES), sha256 })).length(3),
});
