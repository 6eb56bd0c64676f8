import { z } from 'zod';

/** A word that stands in an installer’s answers and in its shell. */
const word = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9._+:/@-]*$/, 'want letters, digits and . _ + : / @ -');
/** One line of `authorized_keys`: options would hold quotes, so none are taken. */
const publicKey = z
  .string()
  .max(2048)
  .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [A-Za-z0-9._@+-]*)?$/, 'want a public key such as ssh-ed25519 AAAA… name');

/** What the templates of installers know of `data`. Everything else in it is for `{{data.path}}`. */
export const installerData = z.object({
  locale: word.default('en_US.UTF-8'),
  keyboard: word.default('us'),
  timezone: word.default('Etc/UTC'),
  /** Where packages come from: a host and a folder (Debian’s own where none is named), or a URL (kickstart). */
  mirror: z.object({ host: word.optional(), folder: word.default('/debian'), url: word.optional() }).prefault({}),
  /** Fedora CoreOS: the URL of the disk image; Flatcar: of the folder that it lies in. Their own where nothing is said. */
  image: z.object({ url: word.optional() }).prefault({}),
  /** A URL of an HTTP proxy for packages. */
  proxy: word.default(''),
  suite: word.optional(),
  packages: z.array(word).max(256).default([]),
  sshKeys: z.array(publicKey).max(64).default([]),
  user: z
    .object({
      name: word.default('ingot'),
      /** As `mkpasswd -m sha-512` makes it; `!` allows no password. */
      passwordHash: z
        .string()
        .max(255)
        .regex(/^(!|\$[A-Za-z0-9./$,=]+)$/, 'want a crypt(5) hash')
        .default('!'),
    })
    .prefault({}),
  /** Ignition: keyfiles of NetworkManager instead of units of systemd-networkd. */
  networkManager: z.boolean().default(false),
});
