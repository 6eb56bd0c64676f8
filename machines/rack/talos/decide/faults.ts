import { talosVersionText } from '../../../os/talos/version.ts';
import { releaseOfImage } from './release.ts';

/** What can be wrong with a simulated Talos; each is asked when it matters. */
export type TalosFaults = {
  /** The registry has no such image. */
  readonly lacksImage?: (reference: string) => boolean;
  /** The installer ends with an error. */
  readonly installerFails?: (reference: string) => boolean;
  /** Its kubelet never gets well on that release, as `v1.14.0`. */
  readonly isUnwell?: (version: string) => boolean;
  /** Its kernel panics before anything else, and the loader goes back to the other entry. */
  readonly cannotBoot?: (version: string) => boolean;
  /** A phase of a sequence, such as `stopServices` of `reset`, is not begun before this is fulfilled. */
  readonly delays?: (sequence: string, phase: string) => Promise<void> | undefined;
};

export const TALOS_FAULTS = ['no-image', 'installer-fails', 'unwell', 'no-boot'] as const;

/** `unwell=v1.14.1`: a fault and the release that it is about. Words that are none are left out. */
export function talosFaults(words: readonly string[]): TalosFaults {
  const releases = (fault: (typeof TALOS_FAULTS)[number]): readonly string[] =>
    words.flatMap((word) => {
      const [name, release = ''] = word.split('=');
      return name === fault ? [release] : [];
    });
  const names = (fault: (typeof TALOS_FAULTS)[number]) => (reference: string) => {
    const release = releaseOfImage(reference);
    return release !== undefined && releases(fault).includes(talosVersionText(release.version));
  };
  return {
    lacksImage: names('no-image'),
    installerFails: names('installer-fails'),
    isUnwell: (version) => releases('unwell').includes(version),
    cannotBoot: (version) => releases('no-boot').includes(version),
  };
}
