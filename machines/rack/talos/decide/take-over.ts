/** Sequences of a machine, by the names that their events have. */
export type Sequence =
  | 'initialize'
  | 'install'
  | 'boot'
  | 'reset'
  | 'reboot'
  | 'shutdown'
  | 'upgrade'
  | 'stageUpgrade'
  | 'maintenanceUpgrade';

/** What may interrupt what runs; a sequence that is not here lets nothing interrupt it. */
const MAY_INTERRUPT: Partial<Readonly<Record<Sequence, readonly Sequence[]>>> = {
  initialize: ['maintenanceUpgrade', 'reboot'],
  boot: ['reboot', 'reset', 'upgrade'],
  reboot: ['reboot'],
  reset: ['reboot'],
};

/** Whether a sequence may begin. `forced`: Shutdown and Rollback take over whatever runs. */
export const mayBegin = (running: Sequence | undefined, wanted: Sequence, forced: boolean): boolean =>
  running === undefined || forced || (MAY_INTERRUPT[running] ?? []).includes(wanted);
