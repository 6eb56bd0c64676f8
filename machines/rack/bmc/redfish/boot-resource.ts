import type { Board } from '../board.ts';
import { BOOT_ENABLED, BOOT_MODES, BOOT_TARGETS, type BootOverride, type BootTarget } from '../boot-override.ts';
import { type Answer, isObject, type JsonObject, NO_CONTENT } from './answer.ts';
import { extendedInfo, refusal } from './message.ts';

/** The `Boot` object of a system. `settings`: as it stands in the settings object, where it can be changed. */
export function bootBody({ board, settings }: { readonly board: Board; readonly settings: boolean }): JsonObject {
  const { target, enabled, mode, httpUri } = board.boot.get();
  const changesHere = board.quirk('boot-in-settings') === settings;
  return {
    BootSourceOverrideTarget: target,
    BootSourceOverrideEnabled: enabled,
    ...(board.quirk('no-boot-mode') ? {} : { BootSourceOverrideMode: mode }),
    ...(changesHere ? { 'BootSourceOverrideTarget@Redfish.AllowableValues': targetsOf(board) } : {}),
    ...(changesHere ? { 'BootSourceOverrideEnabled@Redfish.AllowableValues': enabledOf(board) } : {}),
    ...(changesHere && !board.quirk('no-boot-mode')
      ? { 'BootSourceOverrideMode@Redfish.AllowableValues': BOOT_MODES }
      : {}),
    ...(board.quirk('no-http-boot') ? {} : { HttpBootUri: httpUri ?? null }),
    BootOrder: ['Boot0001', 'Boot0002'],
  };
}

const targetsOf = (board: Board): readonly BootTarget[] =>
  BOOT_TARGETS.filter((one) => one !== 'UefiHttp' || !board.quirk('no-http-boot'));
const enabledOf = (board: Board): readonly string[] =>
  BOOT_ENABLED.filter((one) => one !== 'Continuous' || !board.quirk('once-only'));

const KNOWN = ['BootSourceOverrideTarget', 'BootSourceOverrideEnabled', 'BootSourceOverrideMode', 'HttpBootUri'];

/** PATCH of `Boot`. Nothing is changed unless all of it is good. */
export function patchBoot(board: Board, wanted: unknown): Answer {
  if (!isObject(wanted)) return refusal(400, 'PropertyValueTypeError', ['Boot'], { related: ['Boot'] });
  const unknown = Object.keys(wanted).find((name) => !KNOWN.includes(name));
  if (unknown === 'BootOrder') return NO_CONTENT;
  if (unknown !== undefined) return refusal(400, 'PropertyUnknown', [unknown], { related: [`Boot.${unknown}`] });
  const {
    BootSourceOverrideTarget: target,
    BootSourceOverrideEnabled: enabled,
    BootSourceOverrideMode: mode,
    HttpBootUri: httpUri,
  } = wanted;
  if (mode !== undefined && board.quirk('no-boot-mode')) {
    return refusal(400, 'PropertyUnknown', ['BootSourceOverrideMode'], { related: ['Boot.BootSourceOverrideMode'] });
  }
  if (board.quirk('whole-boot-object')) {
    const missing = KNOWN.slice(0, 3).find((name) => wanted[name] === undefined);
    if (missing !== undefined) return refusal(400, 'PropertyMissing', [missing], { related: [`Boot.${missing}`] });
  }
  const lists = [
    ['BootSourceOverrideTarget', target, targetsOf(board)],
    ['BootSourceOverrideEnabled', enabled, enabledOf(board)],
    ['BootSourceOverrideMode', mode, BOOT_MODES],
  ] as const;
  for (const [name, value, allowed] of lists) {
    if (value === undefined || allowed.some((one) => one === value)) continue;
    return refusal(400, 'PropertyValueNotInList', [value, name], { related: [`Boot.${name}`] });
  }
  if (httpUri !== undefined && httpUri !== null && (typeof httpUri !== 'string' || !URL.canParse(httpUri))) {
    return refusal(400, 'PropertyValueFormatError', ['HttpBootUri'], { related: ['Boot.HttpBootUri'] });
  }
  if (board.fault('lies')) return NO_CONTENT;
  const kept = board.quirk('keeps-legacy') ? 'Legacy' : mode;
  board.boot.set({
    ...(target === undefined ? {} : { target: target as BootTarget }),
    // A target alone is good for one boot where the firmware does not say otherwise.
    ...(enabled === undefined ? {} : { enabled: enabled as BootOverride['enabled'] }),
    ...(kept === undefined ? {} : { mode: kept as BootOverride['mode'] }),
    ...(typeof httpUri === 'string' ? { httpUri } : {}),
  });
  if (board.quirk('patch-200-with-errors')) {
    return {
      status: 200,
      body: { 'BootSourceOverrideMode@Message.ExtendedInfo': [extendedInfo('PropertyNotWritable', 'Mode')] },
    };
  }
  return NO_CONTENT;
}
