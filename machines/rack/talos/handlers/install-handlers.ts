import { status } from '@grpc/grpc-js';
import { CallRefusal, notFound, type StreamHandlers, type UnaryHandlers } from '#machines/agent/api/call.ts';
import { timestamp } from '#machines/api/messages/shape.ts';
import { InstallerFailed, installBeside, installFresh, pullInstaller } from '../installer.ts';
import type { Node } from '../life.ts';

const LAYER_BYTES = 100_000_000;

/** ImageService and LifecycleService, as 1.13 brought them. Neither reboots. */
export function installHandlers(node: Node): { readonly unary: UnaryHandlers; readonly streams: StreamHandlers } {
  const { machine } = node;
  /** By the name that a pull has answered with. */
  const pulled = new Map<string, { readonly reference: string; readonly atMs: number }>();
  let isLocked = false;

  const imageOf = (name: string): string => {
    const found = pulled.get(name) ?? [...pulled.values()].find(({ reference }) => reference === name);
    if (!found) throw notFound(`image ${JSON.stringify(name)} not found`);
    return found.reference;
  };
  async function* running(work: (image: string) => Promise<void>, name: string) {
    if (isLocked || node.sequencer.running()?.sequence === 'upgrade') {
      throw new CallRefusal(status.FAILED_PRECONDITION, 'another install or upgrade is in progress');
    }
    const image = imageOf(name);
    isLocked = true;
    try {
      yield { progress: { message: 'running the installer' } };
      try {
        await work(image);
        yield { progress: { message: 'installation of the boot loader complete' } };
        yield { progress: { exit_code: 0 } };
      } catch (cause) {
        // An installer that fails is no error of the call.
        if (!(cause instanceof InstallerFailed)) throw cause;
        yield { progress: { message: cause.message } };
        yield { progress: { exit_code: cause.exitCode } };
      }
    } finally {
      isLocked = false;
    }
  }

  return {
    unary: {
      '/machine.ImageService/Remove'({ image_ref: name }) {
        if (!pulled.delete(name)) throw notFound(`image ${JSON.stringify(name)} not found`);
        return {};
      },
    },
    streams: {
      async *'/machine.ImageService/Pull'({ image_ref: reference }, { signal }) {
        const layer = (word: 'DOWNLOADING' | 'DOWNLOAD_COMPLETE' | 'EXTRACT_COMPLETE', offset: number) => ({
          pull_progress: { layer_id: 'layer-0', progress: { status: word, offset, total: LAYER_BYTES } },
        });
        yield layer('DOWNLOADING', 0);
        await pullInstaller(machine, reference, signal).catch((cause: unknown) => {
          throw notFound(String(cause));
        });
        yield layer('DOWNLOAD_COMPLETE', LAYER_BYTES);
        yield layer('EXTRACT_COMPLETE', LAYER_BYTES);
        pulled.set(reference, { reference, atMs: machine.now() });
        yield { name: reference };
      },
      async *'/machine.ImageService/List'() {
        for (const [name, { atMs }] of pulled) {
          yield { name, digest: '', size: LAYER_BYTES, created_at: timestamp(atMs), labels: {} };
        }
      },
      '/machine.LifecycleService/Install'({ source, destination }, { signal }) {
        if (machine.system) throw new CallRefusal(status.ALREADY_EXISTS, 'Talos is already installed');
        return running(async (image) => {
          const disk = machine.inventory.disks.find(({ name }) => `/dev/${name}` === destination?.disk);
          if (disk?.name === undefined) throw new InstallerFailed(1);
          const release = await pullInstaller(machine, image, signal);
          await installFresh(machine, { disk: disk.name, release, image, wipe: true }, signal);
        }, source?.image_name ?? '');
      },
      '/machine.LifecycleService/Upgrade'({ source }, { signal }) {
        if (!machine.system) throw new CallRefusal(status.FAILED_PRECONDITION, 'Talos is not installed');
        return running(async (image) => {
          const release = await pullInstaller(machine, image, signal);
          await installBeside(machine, { release, image }, signal);
        }, source?.image_name ?? '');
      },
    },
  };
}
