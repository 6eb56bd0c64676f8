/**
 * Where the protocol's definitions lie and which files there are. Whoever may read files loads them
 * (services/machine-api/definition.ts); a bundle carries the folder beside itself.
 */
export const PROTO_FOLDER = new URL('./proto/', import.meta.url);

export const PROTO_FILES = [
  'rpc-status.proto',
  'common.proto',
  'time.proto',
  'storage.proto',
  'cosi-resource.proto',
  'resource-specs.proto',
  'machine.proto',
  'image-service.proto',
  'lifecycle-service.proto',
  'ingot-agent.proto',
] as const;

/** Both ways: a manifest or a chunk of a log may be larger than gRPC's own 4 MiB. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
