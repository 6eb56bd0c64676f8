import { capital } from '../look/format.ts';

type Entry = { readonly action: string; readonly target: string; readonly detail: string };

/** `actOnMachine`, `sim-r1-u08 adopt` → `Act on machine sim-r1-u08 adopt`. */
export function auditText({ action, target, detail }: Entry): string {
  const words = capital(
    action.replaceAll(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`),
  );
  return [words, target, detail === '' ? '' : `(${detail})`].filter((one) => one !== '').join(' ');
}
