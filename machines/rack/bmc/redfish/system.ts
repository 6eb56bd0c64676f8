import type { Board } from '../board.ts';
import type { PowerRequest } from '../power.ts';
import { type Answer, isObject, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { bootBody, patchBoot } from './boot-resource.ts';
import { refusal } from './message.ts';
import { chassisPath, managerPath, systemPath, systemSettingsPath } from './paths.ts';
import { action, type Resource, type Service } from './resource.ts';

const POWER_STATES = { on: 'On', off: 'Off', 'powering-on': 'PoweringOn', 'powering-off': 'PoweringOff' } as const;

const RESETS: Readonly<Record<string, PowerRequest>> = {
  On: 'on',
  ForceOn: 'on',
  ForceOff: 'off',
  GracefulShutdown: 'soft',
  PushPowerButton: 'soft',
  ForceRestart: 'reset',
  GracefulRestart: 'reset',
  PowerCycle: 'cycle',
};

const PROGRESS = {
  off: 'None',
  'self-test': 'SystemHardwareInitializationComplete',
  loading: 'OSBootStarted',
  running: 'OSRunning',
} as const;

/** The machine itself: identity, power, boot, locate light. */
export function systemResources({ board, tasks }: Service): readonly (readonly [string, Resource])[] {
  const { profile } = board;
  const path = systemPath(profile);
  const settings = systemSettingsPath(profile);
  const reset = action({
    target: `${path}/Actions/ComputerSystem.Reset`,
    name: 'Reset',
    parameter: { name: 'ResetType', values: resetTypes(board) },
    infoOnly: board.quirk('action-info-only'),
  });
  return [
    [path, { get: () => systemBody(board, reset.inline), patch: (body) => patchSystem(board, body) }],
    [
      reset.inline['target'] as string,
      {
        isAction: true,
        post(body) {
          const answer = resetSystem(board, body);
          if (answer.status !== 204 || !board.quirk('reset-is-task')) return answer;
          return tasks.start('Reset', board.power.settled());
        },
      },
    ],
    [reset.infoPath, { get: () => reset.info }],
    ...(board.quirk('boot-in-settings')
      ? ([
          [
            settings,
            {
              get: () => ({
                '@odata.id': settings,
                '@odata.type': '#ComputerSystem.v1_20_0.ComputerSystem',
                Id: 'SD',
                Name: 'Settings of the next boot',
                Boot: bootBody({ board, settings: true }),
              }),
              patch: (body: JsonObject) => patchOf(body, { Boot: (value) => patchBoot(board, value) }),
            },
          ],
        ] as const)
      : []),
    ...(board.quirk('second-system') ? [secondSystem()] : []),
  ];
}

export const systemPaths = ({ profile, quirk }: Board): readonly string[] => [
  ...(quirk('second-system') ? [SECOND] : []),
  systemPath(profile),
];
const SECOND = '/redfish/v1/Systems/HGX_Baseboard_0';

/** A board of accelerators tells of itself as a second system. */
function secondSystem(): readonly [string, Resource] {
  return [
    SECOND,
    {
      get: () => ({
        '@odata.id': SECOND,
        '@odata.type': '#ComputerSystem.v1_20_0.ComputerSystem',
        Id: 'HGX_Baseboard_0',
        Name: 'HGX baseboard',
        SystemType: 'Physical',
        PowerState: 'On',
        Status: { State: 'Enabled', Health: 'OK' },
      }),
    },
  ];
}

function systemBody(board: Board, reset: JsonObject): JsonObject {
  const { profile, quirk, power } = board;
  const hardware = board.hardware();
  const path = systemPath(profile);
  const sub = (name: string) => link(`${path}/${name}`);
  const isTag = quirk('sku-is-service-tag');
  return {
    '@odata.id': path,
    '@odata.type': '#ComputerSystem.v1_20_0.ComputerSystem',
    Id: profile.systemId,
    Name: 'System',
    SystemType: 'Physical',
    HostName: '',
    Manufacturer: hardware.manufacturer,
    Model: hardware.product,
    SerialNumber: isTag ? hardware.boardSerial : hardware.serial,
    SKU: isTag ? hardware.serial : '',
    PartNumber: '',
    AssetTag: '',
    UUID: quirk('swapped-uuid') ? swapped(hardware.uuid) : hardware.uuid,
    BiosVersion: hardware.biosVersion,
    PowerState: POWER_STATES[power.state()],
    PowerRestorePolicy: 'LastState',
    LastResetTime: new Date(power.lastResetAt()).toISOString(),
    BootProgress: { LastState: PROGRESS[power.stage()] },
    Status: { State: power.state() === 'off' ? 'Disabled' : 'Enabled', Health: 'OK', HealthRollup: 'OK' },
    ...lightBody(board),
    Boot: bootBody({ board, settings: false }),
    ProcessorSummary: {
      Count: hardware.processors.length,
      Model: hardware.processors[0]?.model ?? null,
      CoreCount: hardware.processors.reduce((sum, { cores }) => sum + cores, 0),
      Status: { State: 'Enabled', Health: 'OK' },
    },
    MemorySummary: {
      TotalSystemMemoryGiB: hardware.memory.reduce((sum, { mib }) => sum + mib, 0) / 1024,
      Status: { State: 'Enabled', Health: 'OK' },
    },
    TrustedModules: hardware.tpm
      ? [{ InterfaceType: hardware.tpm, FirmwareVersion: '7.2', Status: { State: 'Enabled' } }]
      : [],
    Bios: sub('Bios'),
    Processors: sub('Processors'),
    Memory: sub('Memory'),
    Storage: sub('Storage'),
    EthernetInterfaces: sub('EthernetInterfaces'),
    SecureBoot: sub('SecureBoot'),
    LogServices: sub('LogServices'),
    PCIeDevices: hardware.pci.map((_, index) => link(`${chassisPath(profile)}/PCIeDevices/${index + 1}`)),
    Links: { Chassis: [link(chassisPath(profile))], ManagedBy: [link(managerPath(profile))] },
    Actions: { '#ComputerSystem.Reset': reset },
    ...(quirk('boot-in-settings')
      ? {
          '@Redfish.Settings': {
            '@odata.type': '#Settings.v1_3_5.Settings',
            SettingsObject: link(systemSettingsPath(profile)),
          },
        }
      : {}),
  };
}

/** The three little-endian fields of RFC 9562's older sibling, the other way round. */
function swapped(uuid: string): string {
  const [a = '', b = '', c = '', ...rest] = uuid.split('-');
  const turn = (hex: string) => (hex.match(/../g) ?? []).reverse().join('');
  return [turn(a), turn(b), turn(c), ...rest].join('-');
}

function resetTypes(board: Board): readonly string[] {
  return Object.keys(RESETS).filter((type) => type !== 'ForceOff' || !board.quirk('no-force-off'));
}

function resetSystem(board: Board, body: JsonObject): Answer {
  const type = body['ResetType'];
  if (typeof type !== 'string') return refusal(400, 'ActionParameterMissing', ['Reset', 'ResetType']);
  const unknown = Object.keys(body).find((name) => name !== 'ResetType');
  if (unknown !== undefined) return refusal(400, 'ActionParameterNotSupported', [unknown, 'Reset']);
  const wanted = resetTypes(board).includes(type) ? RESETS[type] : undefined;
  if (wanted === undefined) {
    return refusal(400, 'ActionParameterValueNotInList', [type, 'ResetType'], { related: ['ResetType'] });
  }
  if (board.fault('lies')) return NO_CONTENT;
  const outcome = board.power.request(wanted);
  if (outcome === 'off') return refusal(409, 'ActionParameterValueConflict', [type, 'ResetType']);
  if (outcome === 'already' && board.quirk('conflict-when-already')) {
    return refusal(409, 'ActionParameterValueConflict', [type, 'ResetType']);
  }
  return NO_CONTENT;
}

function patchSystem(board: Board, body: JsonObject): Answer {
  return patchOf(body, {
    Boot(value) {
      if (board.quirk('boot-in-settings')) return refusal(400, 'PropertyNotWritable', ['Boot'], { related: ['Boot'] });
      if (board.quirk('refuses-during-post') && board.power.stage() === 'self-test') {
        return refusal(400, 'UnableToModifyDuringSystemPOST');
      }
      return patchBoot(board, value);
    },
    AssetTag: (value) =>
      typeof value === 'string' ? NO_CONTENT : refusal(400, 'PropertyValueTypeError', ['AssetTag']),
    ...lightRules(board),
  });
}

/** Of a system, and of its chassis: the same lamp, by the newer property or by the older one. */
export function lightRules(board: Board): Readonly<Record<string, (value: unknown) => Answer>> {
  const name = board.quirk('indicator-led') ? 'IndicatorLED' : 'LocationIndicatorActive';
  const [lit, dark] = board.quirk('indicator-led') ? [['Lit', 'Blinking'], ['Off']] : [[true], [false]];
  return {
    [name](value) {
      const on = lit.some((one) => one === value);
      if (!on && !dark.some((one) => one === value)) {
        return refusal(400, 'PropertyValueNotInList', [value, name], { related: [name] });
      }
      if (!board.fault('lies')) board.identify(on ? Number.POSITIVE_INFINITY : 0);
      return NO_CONTENT;
    },
  };
}

export function lightBody(board: Board): JsonObject {
  return board.quirk('indicator-led')
    ? { IndicatorLED: board.identifying() ? 'Blinking' : 'Off' }
    : { LocationIndicatorActive: board.identifying() };
}

/** Each property of a PATCH by its own rule; the first refusal is the answer. */
export function patchOf(body: JsonObject, rules: Readonly<Record<string, (value: unknown) => Answer>>): Answer {
  let answer = NO_CONTENT;
  for (const [name, value] of Object.entries(body)) {
    if (name.startsWith('@') || name.startsWith('Oem')) continue;
    const rule = rules[name];
    if (!rule) return refusal(400, 'PropertyUnknown', [name], { related: [name] });
    const one = rule(value);
    if (one.status >= 400) return one;
    if (one.status !== 204) answer = one;
  }
  return isObject(body) ? answer : refusal(400, 'MalformedJSON');
}
