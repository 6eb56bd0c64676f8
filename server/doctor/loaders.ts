import { chooseLoader, readerOf } from '#machines/decide/loader.ts';
import type { Architecture, Platform } from '#machines/values/architecture.ts';
import type { LoaderCatalog } from '#services/images/contract.ts';
import { type Check, fine, warning } from './finding.ts';

const COMMON: readonly { readonly platform: Platform; readonly architecture: Architecture; readonly label: string }[] =
  [
    { platform: 'bios', architecture: 'i386', label: 'BIOS' },
    { platform: 'uefi', architecture: 'x86_64', label: 'UEFI x86_64' },
    { platform: 'uefi', architecture: 'arm64', label: 'UEFI arm64' },
  ];

/** Is there a first-stage file for each common kind of machine, and is each what its name says? */
export function loadersCheck(catalog: LoaderCatalog & { readonly problems?: () => readonly string[] }): Check {
  return {
    name: 'loaders',
    async run() {
      const available = catalog.available();
      const unfit = (catalog.problems?.() ?? []).map((problem) =>
        warning('loaders', `${problem}: it is offered to nobody`, 'put the right file in its place, or take it away'),
      );
      const signed = COMMON.flatMap(({ platform, architecture, label }) => {
        const choice = chooseLoader({ platform, architecture, http: false }, available, { secureBoot: true });
        return choice.kind === 'loader' && readerOf(choice.file.name) === 'grub'
          ? [fine('loaders', `${label} with Secure Boot: ${choice.file.name} (${catalog.path(choice.file.name)})`)]
          : [];
      });
      const plain = COMMON.map(({ platform, architecture, label }) => {
        const choice = chooseLoader({ platform, architecture, http: false }, available);
        if (choice.kind === 'loader')
          return fine('loaders', `${label}: ${choice.file.name} (${catalog.path(choice.file.name)})`);
        if (choice.kind === 'impossible') return warning('loaders', `${label}: ${choice.because}`, 'none');
        return warning('loaders', `${label}: no loader, such machines will not boot from the network`, choice.next);
      });
      return [...plain, ...signed, ...unfit];
    },
  };
}
