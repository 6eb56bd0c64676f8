import type { Document } from '#machines/contract/documents.ts';
import type { Registry } from './contract.ts';

type Wrong = { readonly path: string; readonly because: string };

/** What a document needs of others, and what its own parts need of each other. */
export function wrongReference(document: Document, registry: Pick<Registry, 'profile' | 'image'>): Wrong | undefined {
  const profile = (name: string | undefined): Wrong | undefined =>
    name !== undefined && !registry.profile(name)
      ? { path: 'profile', because: `got ${name}, want a profile that exists` }
      : undefined;
  switch (document.kind) {
    case 'Machine':
    case 'Class':
      return profile(document.profile);
    case 'Profile': {
      const { os, image, url, script } = document;
      if (image !== undefined && !registry.image(image))
        return { path: 'image', because: `got ${image}, want an image that exists` };
      if (os === 'kernel' && image === undefined)
        return { path: 'image', because: 'got nothing, want the image that holds the kernel' };
      if (os === 'chain' && url === undefined) return { path: 'url', because: 'got nothing, want where to go' };
      if (os === 'script' && script === undefined)
        return { path: 'script', because: 'got nothing, want the lines of an iPXE script' };
      return undefined;
    }
    case 'Image': {
      const index = document.assets.findIndex(({ path, url }) => (path === undefined) === (url === undefined));
      return index < 0 ? undefined : { path: `assets[${index}]`, because: 'want either a path or a url' };
    }
    case 'Subnet':
      return undefined;
    default:
      return document satisfies never;
  }
}

/** Who would be left without it. */
export function usersOf(
  kind: 'Profile' | 'Image',
  name: string,
  registry: Pick<Registry, 'machines' | 'classes' | 'documents'>,
): readonly string[] {
  if (kind === 'Image') {
    return registry
      .documents('Profile')
      .flatMap(({ document }) =>
        document.kind === 'Profile' && document.image === name ? [`profile ${document.name}`] : [],
      );
  }
  return [
    ...registry.machines().flatMap(({ document }) => (document.profile === name ? [`machine ${document.name}`] : [])),
    ...registry.classes().flatMap((one) => (one.profile === name ? [`class ${one.name}`] : [])),
  ];
}
