import { type Command, Option } from 'commander';
import { ROLES } from '#machines/api/roles.ts';
import { collect, outputOption, type Shell } from '../command-groups.ts';
import { createCluster, type CreateOptions } from '../commands/cluster-create.ts';
import { deleteCluster, listClusters, showCluster, writeKubeconfig, writeTalosconfig } from '../commands/cluster.ts';
import type { Format } from '../output/format.ts';

const EXAMPLES = `
Examples:
  ingot cluster create home --control-plane m1..3 --worker m4..6 --plan
  ingot cluster create home --control-plane m1..3 --worker m4..6 --endpoint https://192.0.2.10:6443 --wait
Makes the secrets, a configuration for each machine and a plan; installs, bootstraps etcd once, and writes the files
home.talosconfig and home.kubeconfig. Nothing is written to a disk before the plan was shown and confirmed.`;

/** Clusters of Talos machines. */
export function addClusterCommands(program: Command, { term, daemon, end }: Shell): void {
  const cluster = program
    .command('cluster')
    .summary('Talos: create, show, kubeconfig, talosconfig, delete')
    .description('Machines that run Talos and share secrets and an endpoint.');
  cluster
    .command('create <name>')
    .summary('secrets, configurations, plan, install, bootstrap, and the files for talosctl and kubectl')
    .requiredOption('--control-plane <machines...>', 'names or ranges: m1..3; one, three or five', collectAll)
    .option('--worker <machines...>', 'names or ranges', collectAll)
    .option('--talos <release>', 'of Talos; else what the profile’s image is, or a tested one')
    .option('--kubernetes <release>', 'else one that this release of Talos is tested with')
    .option('--endpoint <url>', 'where Kubernetes is reached; else the first control plane itself')
    .option('-p, --profile <name>', 'an os: talos profile; else one is found, or made from the catalog')
    .option('--patch <file>', 'repeatable: strategic merge patches for all machines', collect)
    .option('--patch-control-plane <file>', 'repeatable: for control planes', collect)
    .option('--patch-worker <file>', 'repeatable: for workers', collect)
    .option('--out <dir>', 'where the files for talosctl and kubectl go', '.')
    .option('--plan', 'show what would be done, and do nothing')
    .option('-y, --yes', 'do not ask; one machine without warnings only')
    .option('--confirm <digest>', 'do what a plan with this digest says')
    .option('--acknowledge <serial>', 'repeatable: a disk that needs an acknowledgement of its own', collect)
    .option('--wait', 'show progress, and exit by the result')
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: CreateOptions, self: Command) =>
      end(await createCluster(term, await daemon(self), name, options)),
    );
  cluster
    .command('list')
    .alias('ls')
    .summary('all clusters')
    .addOption(outputOption())
    .action(async ({ output }: WithOutput, self: Command) => listClusters(term, await daemon(self), output));
  cluster
    .command('show <name>')
    .summary('how its machines stand, asked of each of them; exit status 1 while one is not ready')
    .addOption(outputOption())
    .action(async (name: string, { output }: WithOutput, self: Command) =>
      end(await showCluster(term, await daemon(self), name, output)),
    );
  cluster
    .command('talosconfig <name>')
    .summary('a file for talosctl, with a new key; to standard output, or --out FILE')
    .option('--out <file>', 'written with mode 0600')
    .option('--force', 'replace the file')
    .option('--hours <number>', 'how long it is good; a year where nothing is said')
    .addOption(new Option('--role <role...>', 'what it may do').choices([...ROLES]))
    .action(async (name: string, options: Parameters<typeof writeTalosconfig>[3], self: Command) =>
      writeTalosconfig(term, await daemon(self), name, options),
    );
  cluster
    .command('kubeconfig <name>')
    .summary('a file for kubectl, of an administrator; to standard output, or --out FILE')
    .option('--out <file>', 'written with mode 0600')
    .option('--force', 'replace the file')
    .option('--hours <number>', 'how long it is good; a year where nothing is said')
    .action(async (name: string, options: Parameters<typeof writeKubeconfig>[3], self: Command) =>
      writeKubeconfig(term, await daemon(self), name, options),
    );
  cluster
    .command('delete <name>')
    .summary('forget it and its secrets; its machines run on, and only files that were handed out reach them')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes }: { readonly yes?: boolean }, self: Command) =>
      deleteCluster(term, await daemon(self), name, yes),
    );
}

type WithOutput = { readonly output: Format };

/** Options that take several words collect them over all their uses. */
const collectAll = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
