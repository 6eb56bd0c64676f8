import type { Board } from '../board.ts';
import { collection, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { managerPath, systemPath } from './paths.ts';
import type { Resource } from './resource.ts';

/** The event log, under the system and, the same one, under the manager. */
export function logResources(board: Board): readonly (readonly [string, Resource])[] {
  return [systemPath(board.profile), managerPath(board.profile)].flatMap((owner) => {
    const services = `${owner}/LogServices`;
    const log = `${services}/SEL`;
    const entries = `${log}/Entries`;
    const clear = `${log}/Actions/LogService.ClearLog`;
    const entryPath = (id: number): string => `${entries}/${id}`;
    const logBody = (): JsonObject => ({
      '@odata.id': log,
      '@odata.type': '#LogService.v1_7_0.LogService',
      Id: 'SEL',
      Name: 'System event log',
      LogEntryType: 'SEL',
      OverWritePolicy: 'WrapsWhenFull',
      DateTime: new Date(board.clock()).toISOString(),
      Entries: link(entries),
      Actions: { '#LogService.ClearLog': { target: clear } },
    });
    return [
      [services, { get: () => collection(services, 'LogServiceCollection', 'Logs', [log]) }],
      [log, { get: logBody }],
      [
        entries,
        {
          get: () => ({
            ...collection(entries, 'LogEntryCollection', 'Entries', []),
            'Members@odata.count': board.log.entries().length,
            Members: board.log.entries().map((entry) => ({
              '@odata.id': entryPath(entry.id),
              '@odata.type': '#LogEntry.v1_16_1.LogEntry',
              Id: String(entry.id),
              Name: `Entry ${entry.id}`,
              EntryType: 'SEL',
              Created: new Date(entry.at).toISOString().replace(/\.\d+Z$/, 'Z'),
              Severity: entry.severity,
              Message: entry.text,
            })),
          }),
        },
      ],
      [
        clear,
        {
          isAction: true,
          post() {
            if (!board.fault('lies')) board.log.clear();
            return NO_CONTENT;
          },
        },
      ],
    ] as const satisfies readonly (readonly [string, Resource])[];
  });
}
