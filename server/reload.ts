import type { Logger } from 'pino';
import type { Config } from './config/config.ts';
import { configChange, withRuntimeSettings } from './config/config-change.ts';
import type { ConfigResult } from './config/parse-config.ts';

/** Where SIGHUP is heard, and what is then to be done; the daemon comes later than its signals. */
export type Reloads = {
  /** The configuration is looked at anew, from its file; never rejects. Several at once are one after another. */
  reload(): Promise<void>;
  /** What a reload does from now on. */
  handle(work: () => Promise<void>): void;
};

export function reloads(): Reloads {
  let handler: (() => Promise<void>) | undefined;
  let last = Promise.resolve();
  return {
    reload: () => (last = last.then(async () => await handler?.()).catch(() => {})),
    handle: (work) => void (handler = work),
  };
}

/** One part that takes new settings: all or nothing, and its old ones again when it rejects. */
export type Apply = (config: Config) => Promise<void> | void;

/**
 * Reads the configuration anew and gives it to whoever can take it at runtime. A configuration that is wrong changes
 * nothing; what needs a restart is named in one line. Transfers go on: nothing that serves files is touched.
 */
export function configReloader(parts: {
  readonly running: Config;
  readonly load: () => Promise<ConfigResult>;
  /** In this order; when one rejects, those before it get the old settings back. */
  readonly apply: readonly Apply[];
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}): { config(): Config; reload(): Promise<void> } {
  const { load, apply, log } = parts;
  let running = parts.running;

  async function applyAll(next: Config): Promise<void> {
    const done: Apply[] = [];
    try {
      for (const one of apply) {
        await one(next);
        done.push(one);
      }
    } catch (error) {
      for (const one of done.toReversed()) await one(running);
      throw error;
    }
    running = next;
  }

  return {
    config: () => running,
    async reload() {
      const loaded = await load();
      if (!loaded.ok) {
        for (const issue of loaded.issues) log.error(`reload: ${issue}`);
        log.error('reload: nothing was changed: the configuration is wrong');
        return;
      }
      const { now, afterRestart } = configChange(running, loaded.config);
      try {
        if (now.length > 0) await applyAll(withRuntimeSettings(running, loaded.config));
      } catch (err) {
        log.error({ err }, `reload: nothing was changed: ${now.join(', ')} could not be`);
        return;
      }
      log.info(now.length > 0 ? `reload: changed ${now.join(', ')}` : 'reload: nothing that changes at runtime');
      if (afterRestart.length > 0) log.warn(`reload: restart the daemon to change ${afterRestart.join(', ')}`);
    },
  };
}
