import { accountResources } from './account-resource.ts';
import { type Answer, collection, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { chassisResources } from './chassis.ts';
import { logResources } from './logs.ts';
import { managerResources } from './manager.ts';
import { refusal, refusalWith } from './message.ts';
import { partResources } from './parts.ts';
import { chassisPath, managerPath, ROOT, SESSIONS, systemPath } from './paths.ts';
import type { Resource, Service, Tree } from './resource.ts';
import { setupResources } from './setup-resource.ts';
import { systemPaths, systemResources } from './system.ts';
import { TASKS, taskService } from './tasks.ts';

/** All that stands at this BMC's paths now. */
export function resourceTree(service: Service): Tree {
  const { board, tasks } = service;
  const { profile } = board;
  const lists: readonly (readonly [string, string, readonly string[]])[] = [
    ['Systems', 'ComputerSystem', systemPaths(board)],
    ['Managers', 'Manager', [managerPath(profile)]],
    ['Chassis', 'Chassis', [chassisPath(profile)]],
  ];
  return new Map<string, Resource>([
    ['/redfish', { isOpen: true, get: () => ({ v1: `${ROOT}/` }) }],
    [ROOT, { isOpen: true, get: () => serviceRoot(service) }],
    [`${ROOT}/odata`, { isOpen: true, get: odata }],
    ...lists.map(([name, type, members]): readonly [string, Resource] => [
      `${ROOT}/${name}`,
      { get: () => collection(`${ROOT}/${name}`, `${type}Collection`, name, members) },
    ]),
    ...systemResources(service),
    ...partResources(board),
    ...setupResources(service),
    ...managerResources(service),
    ...chassisResources(board),
    ...logResources(board),
    ...accountResources(board),
    ...sessionResources(service),
    [`${ROOT}/TaskService`, { get: taskService }],
    [TASKS, { get: () => collection(TASKS, 'TaskCollection', 'Tasks', tasks.list()) }],
    ...firmware(service),
  ]);
}

function serviceRoot({ board }: Service): JsonObject {
  const { profile, quirk } = board;
  return {
    '@odata.id': `${ROOT}/`,
    '@odata.type': '#ServiceRoot.v1_16_1.ServiceRoot',
    Id: 'RootService',
    Name: 'Root Service',
    RedfishVersion: profile.redfishVersion,
    UUID: board.hardware().uuid,
    Vendor: profile.vendor,
    Product: profile.product,
    Systems: link(`${ROOT}/Systems`),
    Managers: link(`${ROOT}/Managers`),
    Chassis: link(`${ROOT}/Chassis`),
    SessionService: link(`${ROOT}/SessionService`),
    AccountService: link(`${ROOT}/AccountService`),
    UpdateService: link(`${ROOT}/UpdateService`),
    Tasks: link(`${ROOT}/TaskService`),
    ProtocolFeaturesSupported: {
      ExpandQuery: quirk('no-expand')
        ? { ExpandAll: false, Levels: false, Links: false, NoLinks: false }
        : { ExpandAll: true, Levels: true, Links: false, NoLinks: true, MaxLevels: 1 },
      SelectQuery: true,
      FilterQuery: false,
      OnlyMemberQuery: false,
      TopSkipQuery: true,
    },
    Links: { Sessions: link(SESSIONS) },
  };
}

const odata = (): JsonObject => ({
  '@odata.context': `${ROOT}/$metadata`,
  value: ['Systems', 'Managers', 'Chassis', 'SessionService', 'AccountService'].map((name) => ({
    name,
    kind: 'Singleton',
    url: `${ROOT}/${name}`,
  })),
});

function sessionResources(service: Service): readonly (readonly [string, Resource])[] {
  const { board, sessions } = service;
  const path = `${ROOT}/SessionService`;
  return [
    [
      path,
      {
        get: () => ({
          '@odata.id': path,
          '@odata.type': '#SessionService.v1_1_9.SessionService',
          Id: 'SessionService',
          Name: 'Sessions',
          ServiceEnabled: true,
          SessionTimeout: sessions.idleSeconds,
          Sessions: link(SESSIONS),
        }),
        patch(body) {
          const seconds = body['SessionTimeout'];
          if (typeof seconds !== 'number' || seconds < 30 || seconds > 86_400) {
            return refusal(400, 'PropertyValueNotInList', [seconds, 'SessionTimeout']);
          }
          if (!board.fault('lies')) sessions.idleSeconds = seconds;
          return NO_CONTENT;
        },
      },
    ],
    [
      SESSIONS,
      {
        get: () =>
          collection(
            SESSIONS,
            'SessionCollection',
            'Sessions',
            sessions.list().map(({ id }) => `${SESSIONS}/${id}`),
          ),
        ...(board.quirk('basic-only') ? {} : { post: (body: JsonObject) => logIn(service, body) }),
      },
    ],
    ...sessions.list().map(({ id, userName }): readonly [string, Resource] => [
      `${SESSIONS}/${id}`,
      {
        get: () => ({
          '@odata.id': `${SESSIONS}/${id}`,
          '@odata.type': '#Session.v1_7_2.Session',
          Id: id,
          Name: 'User Session',
          UserName: userName,
        }),
        remove: () => (sessions.close(id) ? NO_CONTENT : refusal(404, 'ResourceMissingAtURI', [id])),
      },
    ]),
  ];
}

/** DSP0266 "Session login": a token in a header, and where to log out again. */
function logIn({ board, sessions }: Service, body: JsonObject): Answer {
  const { UserName: userName, Password: password } = body;
  if (typeof userName !== 'string') return refusal(400, 'PropertyMissing', ['UserName']);
  if (typeof password !== 'string') return refusal(400, 'PropertyMissing', ['Password']);
  const login = board.accounts.login(userName, password);
  if (login.kind !== 'in') return refusal(401, 'ResourceAtUriUnauthorized', [SESSIONS]);
  const session = board.fault('no-sessions') ? undefined : sessions.open(login.account);
  if (!session)
    return refusalWith(503, board.profile.sessionLimitMessage, 'The maximum number of sessions is reached.');
  const path = `${SESSIONS}/${session.id}`;
  return {
    status: 201,
    headers: { 'X-Auth-Token': session.token, ...(board.quirk('no-session-location') ? {} : { Location: path }) },
    body: {
      '@odata.id': path,
      '@odata.type': '#Session.v1_7_2.Session',
      Id: session.id,
      Name: 'User Session',
      UserName: userName,
      ...(board.password.mustChange()
        ? { '@Message.ExtendedInfo': [{ MessageId: 'Base.1.18.PasswordChangeRequired' }] }
        : {}),
    },
  };
}

function firmware({ board }: Service): readonly (readonly [string, Resource])[] {
  const { profile } = board;
  const path = `${ROOT}/UpdateService`;
  const inventory = `${path}/FirmwareInventory`;
  const items = [
    ['BMC', profile.version, managerPath(profile)],
    ['BIOS', board.hardware().biosVersion, systemPath(profile)],
  ] as const;
  return [
    [
      path,
      {
        get: () => ({
          '@odata.id': path,
          '@odata.type': '#UpdateService.v1_14_0.UpdateService',
          Id: 'UpdateService',
          Name: 'Firmware',
          ServiceEnabled: false,
          FirmwareInventory: link(inventory),
          Actions: {},
        }),
      },
    ],
    [
      inventory,
      {
        get: () =>
          collection(
            inventory,
            'SoftwareInventoryCollection',
            'Firmware',
            items.map(([id]) => `${inventory}/${id}`),
          ),
      },
    ],
    ...items.map(([id, version, of]): readonly [string, Resource] => [
      `${inventory}/${id}`,
      {
        get: () => ({
          '@odata.id': `${inventory}/${id}`,
          '@odata.type': '#SoftwareInventory.v1_10_2.SoftwareInventory',
          Id: id,
          Name: id,
          Version: version,
          Updateable: false,
          RelatedItem: [link(of)],
        }),
      },
    ]),
  ];
}
