import type { ImageArchitecture, Variant } from './contents.ts';

/** `manifest.json`: what an image is and what it was made of. It holds no time and no path of the machine that built it. */
export type Manifest = {
  readonly format: 1;
  /** Of what is in the image, whatever way it is compressed; /init says it. */
  readonly id: string;
  readonly variant: Variant;
  readonly architecture: ImageArchitecture;
  readonly kernel: string;
  /** What the kernel's command line should hold. */
  readonly commandLine: string;
  readonly node: { readonly version: string; readonly sha256: string };
  readonly agent: { readonly sha256: string; readonly bytes: number };
  readonly level: number;
  readonly outputs: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
  /** What the initramfs takes of the machine's memory. */
  readonly unpackedBytes: number;
  readonly layers: readonly { readonly name: string; readonly bytes: number; readonly unpackedBytes: number }[];
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly sha256: string;
    readonly bytes: number;
  }[];
  readonly programs: readonly string[];
  readonly modules: readonly string[];
  readonly firmware: {
    readonly found: readonly { readonly path: string; readonly from: string }[];
    /** What drivers may ask for and is not there. `some`: other files of the same driver are. */
    readonly missing: readonly {
      readonly module: string;
      readonly files: readonly string[];
      readonly complete: false | 'some';
    }[];
  };
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
};
