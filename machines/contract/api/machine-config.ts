import { z } from 'zod';

/** What is configured for a machine, value by value, and who said each. Secrets are `***`. */
export const machineConfiguration = z
  .object({
    machine: z.string(),
    class: z.string().optional(),
    profile: z.string().optional(),
    values: z.array(
      z.object({
        /** `data.ntp.servers`, `config.cloudInit.hostname`, `network.interfaces`. */
        path: z.string(),
        value: z.json(),
        /** `class gpu`, `profile live`, `machine r1-u12`, `network rack1`. */
        from: z.string(),
      }),
    ),
    /** What each operating system cannot express of the network; `Talos`: what is wrong with its configuration. */
    refusals: z.array(z.object({ target: z.string(), key: z.string(), because: z.string() })),
  })
  .meta({ id: 'MachineConfiguration' });
export type MachineConfiguration = z.output<typeof machineConfiguration>;
