import type { StreamHandlers, UnaryHandlers } from '#machines/agent/api/call.ts';
import { resourceHandlers } from '#machines/agent/api/resource-handlers.ts';
import type { Node } from '../life.ts';
import { clusterHandlers } from './cluster-handlers.ts';
import { configHandlers } from './config-handlers.ts';
import { installHandlers } from './install-handlers.ts';
import { lifeHandlers } from './life-handlers.ts';
import { logHandlers } from './log-handlers.ts';
import { stateHandlers } from './state-handlers.ts';
import { storageHandlers } from './storage-handlers.ts';

/** All that the simulated node answers. */
export function nodeHandlers(node: Node): { readonly unary: UnaryHandlers; readonly streams: StreamHandlers } {
  const resources = resourceHandlers(node.machine);
  const cluster = clusterHandlers(node.machine);
  const install = installHandlers(node);
  return {
    unary: {
      ...stateHandlers(node.machine),
      ...configHandlers(node),
      ...lifeHandlers(node),
      ...storageHandlers(node.machine),
      ...cluster.unary,
      ...install.unary,
      ...resources.unary,
    },
    streams: { ...logHandlers(node.machine), ...cluster.streams, ...install.streams, ...resources.streams },
  };
}
