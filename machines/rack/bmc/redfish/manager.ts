import type { Board } from '../board.ts';
import { type Answer, collection, isObject, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { refusal } from './message.ts';
import { chassisPath, managerPath, systemPath } from './paths.ts';
import { action, type Resource, type Service } from './resource.ts';
import { patchOf } from './system.ts';

/** The BMC itself: its version, clock, network and restart. */
export function managerResources({ board, tasks }: Service): readonly (readonly [string, Resource])[] {
  const { profile, quirk } = board;
  const path = managerPath(profile);
  const types = quirk('graceful-manager-reset') ? ['GracefulRestart'] : ['GracefulRestart', 'ForceRestart'];
  const reset = action({
    target: `${path}/Actions/Manager.Reset`,
    name: 'Reset',
    parameter: { name: 'ResetType', values: types },
    infoOnly: quirk('action-info-only'),
  });
  const nics = `${path}/EthernetInterfaces`;
  const protocols = `${path}/NetworkProtocol`;
  return [
    [path, { get: () => managerBody(board, reset.inline), patch: (body) => patchManager(board, body) }],
    [
      reset.inline['target'] as string,
      {
        isAction: true,
        post(body) {
          const type = body['ResetType'] ?? types[0];
          if (!types.some((one) => one === type)) {
            return refusal(400, 'ActionParameterValueNotInList', [type, 'ResetType']);
          }
          // After the answer has left, or nobody would hear it.
          setImmediate(() => board.restart());
          return quirk('reset-is-task') ? tasks.start('Manager reset', Promise.resolve()) : NO_CONTENT;
        },
      },
    ],
    [reset.infoPath, { get: () => reset.info }],
    [nics, { get: () => collection(nics, 'EthernetInterfaceCollection', 'Network of the manager', [`${nics}/1`]) }],
    [
      `${nics}/1`,
      {
        get: () => ({
          '@odata.id': `${nics}/1`,
          '@odata.type': '#EthernetInterface.v1_10_0.EthernetInterface',
          Id: '1',
          Name: 'Manager Ethernet Interface',
          MACAddress: board.mac.toUpperCase(),
          IPv4Addresses: [{ Address: board.address, SubnetMask: '255.255.0.0', AddressOrigin: 'Static' }],
          LinkStatus: 'LinkUp',
          Status: { State: 'Enabled', Health: 'OK' },
        }),
      },
    ],
    [
      protocols,
      {
        get: () => ({
          '@odata.id': protocols,
          '@odata.type': '#ManagerNetworkProtocol.v1_9_1.ManagerNetworkProtocol',
          Id: 'NetworkProtocol',
          Name: 'Protocols of the manager',
          HTTPS: { ProtocolEnabled: true, Port: board.ports.redfish },
          IPMI: { ProtocolEnabled: !board.fault('ipmi-off'), Port: board.ports.ipmi },
        }),
      },
    ],
  ];
}

function managerBody(board: Board, reset: JsonObject): JsonObject {
  const { profile, clock } = board;
  const path = managerPath(profile);
  return {
    '@odata.id': path,
    '@odata.type': '#Manager.v1_19_0.Manager',
    Id: profile.managerId,
    Name: 'Manager',
    ManagerType: 'BMC',
    Model: profile.product,
    FirmwareVersion: profile.version,
    UUID: board.hardware().uuid.replace(/^.{8}/, '00b3c000'),
    DateTime: new Date(clock()).toISOString().replace(/\.\d+Z$/, 'Z'),
    DateTimeLocalOffset: '+00:00',
    PowerState: 'On',
    Status: { State: 'Enabled', Health: 'OK' },
    EthernetInterfaces: link(`${path}/EthernetInterfaces`),
    NetworkProtocol: link(`${path}/NetworkProtocol`),
    LogServices: link(`${path}/LogServices`),
    SerialConsole: { ServiceEnabled: true, MaxConcurrentSessions: 1, ConnectTypesSupported: ['IPMI'] },
    Links: { ManagerForServers: [link(systemPath(profile))], ManagerForChassis: [link(chassisPath(profile))] },
    Actions: { '#Manager.Reset': reset },
  };
}

function patchManager(board: Board, body: JsonObject): Answer {
  if (!isObject(body)) return refusal(400, 'MalformedJSON');
  return patchOf(body, {
    DateTime(value) {
      const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      if (Number.isNaN(at)) return refusal(400, 'PropertyValueFormatError', ['DateTime'], { related: ['DateTime'] });
      if (!board.fault('lies')) board.setClock(at);
      return NO_CONTENT;
    },
  });
}
