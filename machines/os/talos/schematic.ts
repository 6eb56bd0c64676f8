import { z } from 'zod';
import { yamlText, type YamlValue } from './yaml-text.ts';

const text = z.string();
const texts = z.array(z.string()).readonly();

/** JSON of any shape: the options of an overlay. */
const options: z.ZodType<YamlValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(options), z.record(z.string(), options)]),
);

/**
 * What an Image Factory builds an image from; keys as the factory has them, unknown ones are refused there as here.
 * Everything is optional: the empty schematic is plain Talos.
 */
export const schematic = z.strictObject({
  owner: text.optional(),
  overlay: z
    .strictObject({ image: text.optional(), name: text.optional(), options: z.record(z.string(), options).optional() })
    .optional(),
  customization: z
    .strictObject({
      embeddedMachineConfiguration: text.optional(),
      extraKernelArgs: texts.optional(),
      meta: z
        .array(z.strictObject({ key: z.int().min(0).max(255), value: text }))
        .readonly()
        .optional(),
      systemExtensions: z.strictObject({ officialExtensions: texts.optional() }).optional(),
      bootloader: z.enum(['none', 'dual-boot', 'sd-boot', 'grub']).optional(),
      secureboot: z
        .strictObject({ enrollKeys: text.optional(), includeWellKnownCertificates: z.boolean().optional() })
        .optional(),
      diskImage: z.strictObject({ sectorSize: z.int().min(0).optional() }).optional(),
    })
    .optional(),
});
export type Schematic = z.output<typeof schematic>;

/**
 * The one text of a schematic whose SHA-256 is its id: keys in the factory's order, what is empty left out, but
 * `customization` always there.
 */
export function schematicYaml(given: Schematic): string {
  const { owner, overlay, customization = {} } = given;
  const { secureboot, diskImage, systemExtensions, meta } = customization;
  const members = {
    owner: filled(owner),
    overlay: overlayMembers(overlay),
    customization: {
      embeddedMachineConfiguration: filled(customization.embeddedMachineConfiguration),
      extraKernelArgs: listed(customization.extraKernelArgs),
      meta: listed(meta?.map(({ key, value }) => ({ key, value }))),
      systemExtensions: some({ officialExtensions: listed(systemExtensions?.officialExtensions) }),
      bootloader: customization.bootloader === 'none' ? undefined : customization.bootloader,
      secureboot: some({
        enrollKeys: filled(secureboot?.enrollKeys),
        includeWellKnownCertificates: secureboot?.includeWellKnownCertificates ? true : undefined,
      }),
      diskImage: some({ sectorSize: diskImage?.sectorSize === 0 ? undefined : diskImage?.sectorSize }),
    },
  };
  return yamlText(members, 'single');
}

/** Image and name are there as soon as anything of the overlay is. */
function overlayMembers(overlay: Schematic['overlay']): YamlValue | undefined {
  const { image = '', name = '', options: given = {} } = overlay ?? {};
  if (image === '' && name === '' && Object.keys(given).length === 0) return undefined;
  return { image, name, options: some(sortedKeys(given)) };
}

type Members = { readonly [key: string]: YamlValue | undefined };

const filled = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
const listed = <T>(list: readonly T[] | undefined): readonly T[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;
const some = (members: Members): Members | undefined =>
  Object.values(members).some((value) => value !== undefined) ? members : undefined;

/** Maps have no order of their own: theirs is that of their keys. */
function sortedKeys(members: { readonly [key: string]: YamlValue }): { readonly [key: string]: YamlValue } {
  const entries = Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? sortedKeys(value as { readonly [key: string]: YamlValue })
        : value,
    ]),
  );
}
