import loader, { type AnyDefinition, type MessageTypeDefinition } from '@grpc/proto-loader';
import type { MethodDefinition } from '@grpc/grpc-js';
import { fileURLToPath } from 'node:url';
import { PROTO_FILES, PROTO_FOLDER } from '#machines/api/protos.ts';

/** Bytes to messages and back. */
export type MessageCodec = {
  serialize(message: object): Buffer;
  deserialize(bytes: Buffer): object;
};
export type WireMethod = MethodDefinition<object, object>;

/** The protocol, loaded. */
export type MachineApiDefinition = {
  /** Of all services, by path. */
  readonly methods: ReadonlyMap<string, WireMethod>;
  /** By full name, such as `machine.SequenceEvent`; throws for a name that the protos lack. */
  message(name: string): MessageCodec;
};

/**
 * Reads the protos; takes some 20 ms and blocks, so it belongs in a composition root. The folder is the one beside
 * machines/api unless a bundle has it elsewhere. Words of enumerations that we don't know stay numbers.
 */
export function loadMachineApi(folder: URL = PROTO_FOLDER): MachineApiDefinition {
  const definitions = loader.loadSync([...PROTO_FILES], {
    includeDirs: [fileURLToPath(folder)],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const methods = new Map<string, WireMethod>();
  const messages = new Map<string, MessageCodec>();
  for (const [name, definition] of Object.entries(definitions)) {
    if (isMessage(definition)) messages.set(name, definition);
    else if (!('format' in definition)) {
      for (const method of Object.values(definition)) methods.set(method.path, method);
    }
  }
  return {
    methods,
    message(name) {
      const codec = messages.get(name);
      if (!codec) throw new Error(`no message ${name} in the protos`);
      return codec;
    },
  };
}

function isMessage(definition: AnyDefinition): definition is MessageTypeDefinition<object, object> {
  return definition['format'] === 'Protocol Buffer 3 DescriptorProto';
}
