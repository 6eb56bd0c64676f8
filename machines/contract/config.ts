import { z } from 'zod';

/** Values of one kind of configuration as people write it: any YAML. `{{path}}` in its text stands for a machine's value. */
const tree = z.record(z.string().max(255), z.json());

/** Lines of a text that is appended as it stands; values in it must be plain words. */
const lines = z.array(
  z
    .string()
    .max(4096)
    .regex(/^[^\p{Cc}]*$/u, 'want one line without control characters'),
);

/** What a class, a profile or a machine adds to what is rendered for a machine, by target. */
export const machineConfig = z.strictObject({
  /** cloud-init’s user data, a cloud-config. */
  cloudInit: tree.optional(),
  /** cloud-init’s vendor data: what the user data may change. */
  vendorData: tree.optional(),
  /** Ubuntu’s installer: what stands under `autoinstall`. */
  autoinstall: tree.optional(),
  /** An Ignition config; `ignition.version` is set where it is absent. */
  ignition: tree.optional(),
  preseed: lines.optional(),
  kickstart: lines.optional(),
  /** Bottlerocket: what stands under `settings`. */
  bottlerocket: tree.optional(),
  /** Documents of strategic merge patches to the machine configuration of Talos; those of class, profile and machine are laid on in turn. */
  talos: z.array(tree).max(64).optional(),
});
export type MachineConfig = z.output<typeof machineConfig>;

/** Free values for templates and `{{data.path}}`. */
export const machineData = tree;
export type MachineData = z.output<typeof machineData>;

/** Both, on a class, a profile and a machine: what is said later wins, key by key; lists are taken whole. */
export const layered = { data: machineData.optional(), config: machineConfig.optional() };
