import type { Architecture } from '../../values/architecture.ts';
import { alpineInstaller } from './alpine.ts';
import { debian, ubuntu } from './debian.ts';
import type { CatalogEntry, Resolved } from './entry.ts';
import { fedoraCoreos, fedoraCoreosLive, fedoraInstaller, rocky, rockyInstaller } from './fedora.ts';
import { flatcar, flatcarLive } from './flatcar.ts';
import { talos, talosDisk } from './talos.ts';

/** What `ingot image add NAME@VERSION` knows: where vendors keep their images, and what proves them. */
export const CATALOG: readonly CatalogEntry[] = [
  debian,
  ubuntu,
  fedoraCoreos,
  fedoraCoreosLive,
  fedoraInstaller,
  rocky,
  rockyInstaller,
  flatcar,
  flatcarLive,
  talos,
  talosDisk,
  alpineInstaller,
];

export type CatalogReference = { readonly entry: CatalogEntry; readonly version: string };

/** `debian@12`; why it is none, otherwise. */
export function parseReference(text: string): CatalogReference | { readonly because: string } {
  const [name = '', version = ''] = text.split('@', 2);
  const entry = CATALOG.find((one) => one.name === name);
  if (!entry) return { because: `got ${name}, want one of ${CATALOG.map((one) => one.name).join(', ')}` };
  if (version === '') return { because: `${name}: want a version after @: ${entry.versions}` };
  return { entry, version };
}

export function resolveReference({ entry, version }: CatalogReference, architecture: Architecture): Resolved {
  if (entry.architectures.includes(architecture)) return entry.resolve(version, architecture);
  return { kind: 'refused', because: `${entry.name} is not built for ${architecture}` };
}

/** The name of an image of which nobody said another: `debian-12`, `talos-v1.13.9-3765679`. */
export const nameOfReference = ({ entry, version }: CatalogReference): string =>
  `${entry.name}-${version.replace(/\+([0-9a-f]{7})[0-9a-f]*$/, '-$1')}`.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
