import type { Command } from 'commander';
import { outputOption, type Shell, watchOption } from '../command-groups.ts';
import { cleanImages, type CleanOptions, listImages, removeImages, verifyImages } from '../commands/image.ts';
import { addImage, type AddImageOptions, listCatalog } from '../commands/image-add.ts';
import { exportImages, importImages, type ImportOptions } from '../commands/image-archive.ts';
import type { Format } from '../output/format.ts';

type WithOutput = { readonly output: Format };

const EXAMPLES = `
Examples:
  ingot image add debian@12 --wait                             of the catalog: place and proof are known
  ingot image add debian disk.qcow2 --wait                     send a file, and see it made ready
  ingot image add rescue kernel=./vmlinuz initrd=./initrd.zst  an image of two files
  ingot image add live https://… --sha256 …                    the daemon fetches it
  ingot image add live https://… --digests https://…/SHA256SUMS --digests-signature https://…/SHA256SUMS.gpg --key KEY
  ingot image verify                                           read everything, compare everything`;

/** The files that machines boot and that are written to disks. */
export function addImageCommands(program: Command, { term, daemon, end }: Shell): void {
  const group = program
    .command('image')
    .summary('images: list, add, catalog, verify, export, import, remove, clean')
    .description('Files that machines boot, and images of whole disks.')
    .addHelpText('after', EXAMPLES);

  group
    .command('list')
    .alias('ls')
    .summary('which are ready, on their way, or missing and why')
    .addOption(outputOption())
    .addOption(watchOption())
    .action(async (options: WithOutput & { readonly watch?: boolean }, self: Command) =>
      listImages(term, await daemon(self), options),
    );
  group
    .command('add <name> [source...]')
    .summary('make an image of files and URLs, each as FILE, URL or ROLE=FILE; or of the catalog: debian@12')
    .option('--as <name>', 'what an image of the catalog is called here')
    .option('--role <role>', 'disk, kernel, initrd or efi; by the file’s name if nothing is said')
    .option('--arch <arch>', 'what machines it is for', 'x86_64')
    .option('--sha256 <digest>', 'refuse it unless this is its digest')
    .option('--sha512 <digest>', 'the same, by SHA-512')
    .option('--digests <url>', 'a list such as SHA256SUMS, in which the file must stand')
    .option('--digests-signature <url>', 'of the list; the list itself if it is clear-signed')
    .option('--signature <url>', 'of the file: OpenPGP, minisign or cosign')
    .option('--key <file>', 'the public key of the signature')
    .option('--in-place', 'the file is on the daemon’s machine and stays where it is')
    .option('--wait', 'until it is ready')
    .action(async (name: string, sources: readonly string[], options: AddImageOptions, self: Command) =>
      end(await addImage(term, await daemon(self), name, sources, options)),
    );
  group
    .command('catalog')
    .summary('what can be added by a name and a version, and what proves it')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => listCatalog(term, await daemon(self), output));
  group
    .command('verify [names...]')
    .summary('read every file to its end and compare it with its digest')
    .addOption(outputOption())
    .action(async (names: readonly string[], { output }: WithOutput, self: Command) =>
      end(await verifyImages(term, await daemon(self), names, output)),
    );
  group
    .command('export <file> [names...]')
    .summary('images, what boots them and all their files, as one file; without names, of the whole site')
    .action(async (file: string, names: readonly string[], _options: unknown, self: Command) =>
      exportImages(term, await daemon(self), file, names),
    );
  group
    .command('import <file>')
    .summary('take what export wrote; every file is proven by its digest')
    .option('-n, --dry-run', 'only say what would change')
    .action(async (file: string, options: ImportOptions, self: Command) =>
      end(await importImages(term, await daemon(self), file, options)),
    );
  group
    .command('remove <names...>')
    .alias('rm')
    .summary('forget images; their files go with clean')
    .action(async (names: readonly string[], _options: unknown, self: Command) =>
      removeImages(term, await daemon(self), names),
    );
  group
    .command('clean')
    .summary('remove files that no image names')
    .option('-n, --dry-run', 'only say which')
    .option('-y, --yes', 'do not ask')
    .addOption(outputOption())
    .action(async (options: CleanOptions, self: Command) => cleanImages(term, await daemon(self), options));
}
