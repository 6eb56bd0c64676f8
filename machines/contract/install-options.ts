import { z } from 'zod';

/**
 * How a machine is told who it is on its first boot. `nocloud`: cloud-init, from a small volume labelled CIDATA.
 * `config-drive`: the same as OpenStack has it, labelled CONFIG-2, for what knows no other. `ignition`: Fedora CoreOS,
 * from its boot partition.
 */
export const SEED_KINDS = ['nocloud', 'config-drive', 'ignition'] as const;
export type SeedKind = (typeof SEED_KINDS)[number];

/** os: image and bottlerocket — what is done beside an image, before the disk can boot. */
export const installOptions = z.strictObject({
  /**
   * `last`, or the name in the GPT of that last partition: it gets the room behind the image. Its file system is grown
   * by the system on it, as cloud images do by themselves.
   */
  grow: z
    .string()
    .regex(/^[\x20-\x7e]{1,36}$/, 'want last, or the name of a partition in the GPT')
    .optional(),
  /** Written from `config` and `network` of class, profile and machine. Bottlerocket has a way of its own. */
  seed: z.enum(SEED_KINDS).optional(),
  /** UEFI: an entry of the firmware's own for the loader on the disk, behind those of the network. */
  efiEntry: z.boolean().default(true),
  /** os: bottlerocket — its host container for administrators, the only way in; SSH with these public keys. */
  adminContainer: z
    .strictObject({
      authorizedKeys: z
        .array(
          z
            .string()
            .max(16_384)
            .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\p{Cc}]*)?$/u, 'want a public key as in id_ed25519.pub'),
        )
        .min(1)
        .max(32),
    })
    .optional(),
});
export type InstallOptions = z.output<typeof installOptions>;
