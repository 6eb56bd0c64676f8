import { parseArgs } from 'node:util';

export type CommandLine =
  | { readonly kind: 'serve' | 'doctor'; readonly options: ServeOptions }
  | { readonly kind: 'wrong'; readonly text: string };

export type ServeOptions = {
  readonly configFile: string | undefined;
  readonly dataDir: string | undefined;
  readonly interfaces: readonly string[];
  /** doctor: one JSON array instead of lines. */
  readonly json: boolean;
};

/** `serve` and `doctor` take the same options, so that the latter looks at what the former would do. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [kind, ...rest] = args;
  if (kind !== 'serve' && kind !== 'doctor')
    return { kind: 'wrong', text: `got ${kind ?? 'nothing'}, want serve or doctor` };
  try {
    const { values } = parseArgs({
      args: rest,
      strict: true,
      options: {
        config: { type: 'string', short: 'c' },
        data: { type: 'string' },
        interface: { type: 'string', short: 'i', multiple: true, default: [] },
        output: { type: 'string', short: 'o' },
      },
    });
    if (values.output !== undefined && values.output !== 'json')
      return { kind: 'wrong', text: `got -o ${values.output}, want -o json` };
    const options = {
      configFile: values.config,
      dataDir: values.data,
      interfaces: values.interface,
      json: values.output === 'json',
    };
    return { kind, options };
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}
