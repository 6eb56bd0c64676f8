import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { YamlPath } from '#services/yaml/read-yaml.ts';
import type { Config, InterfaceConfig } from './config.ts';
import { type ConfigResult, defaultConfig, parseConfig } from './parse-config.ts';

/** Read if it is there and no other file is named. */
const DEFAULT_FILE = 'ingot.yaml';

/**
 * The file that was named, else ./ingot.yaml, else the embedded defaults; then what the command line says about it.
 * An interface named on the command line is served as a proxy unless the file says otherwise: no file is needed to
 * boot a real network, and none of its addresses are ours to lease.
 */
export async function loadConfig(options: {
  readonly configFile: string | undefined;
  readonly dataDir: string | undefined;
  readonly interfaces: readonly string[];
  readonly cwd: string;
}): Promise<ConfigResult> {
  const base = await fromFile(options.configFile, options.cwd);
  if (!base.ok) return base;
  const { config } = base;
  return {
    ok: true,
    where: base.where,
    config: {
      ...config,
      ...(options.dataDir === undefined ? {} : inDataDir(config, resolve(options.cwd, options.dataDir))),
      interfaces:
        options.interfaces.length === 0 ? config.interfaces : options.interfaces.map((name) => named(name, config)),
    },
  };
}

async function fromFile(named: string | undefined, cwd: string): Promise<ConfigResult> {
  const file = named ?? DEFAULT_FILE;
  const path = resolve(cwd, file);
  try {
    return parseConfig({ file, text: await readFile(path, 'utf8'), baseDir: dirname(path) });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && named === undefined) {
      return { ok: true, config: defaultConfig(cwd), where: (path: YamlPath) => `command line: ${path.join('.')}` };
    }
    const what =
      code === 'ENOENT' ? 'no such file; write one, or leave --config out' : `cannot be read: ${code ?? String(cause)}`;
    return { ok: false, issues: [`${file}:1:1: ${what}`] };
  }
}

/** A data directory from the command line moves what lay in the other one. */
function inDataDir(config: Config, dataDir: string): Pick<Config, 'dataDir' | 'loaders' | 'registry'> {
  const moved = config.loaders.dir === `${config.dataDir}/loaders`;
  const { registry } = config;
  const movedToo = registry.dir === `${config.dataDir}/oci`;
  return {
    dataDir,
    loaders: moved ? { dir: `${dataDir}/loaders` } : config.loaders,
    registry: movedToo ? { ...registry, dir: `${dataDir}/oci` } : registry,
  };
}

function named(name: string, config: Config): InterfaceConfig {
  return config.interfaces.find((one) => one.name === name) ?? { name, mode: 'proxy', discovery: 'off' };
}
