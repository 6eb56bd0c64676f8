import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ejectMedia, insertMedia } from '#services/bmc/redfish/virtual-media.ts';
import { withCode } from './error-code.ts';
import { fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const IMAGE = 'http://10.0.0.1:8080/agent.iso';
const MEDIA = '/redfish/v1/Managers/1/VirtualMedia';
const options = () => ({ signal: soon(), limits: TEST_LIMITS });

type Slot = { Id: string; MediaTypes: readonly string[]; Inserted: boolean; Image: string | null; Actions?: unknown };

/** A BMC with a floppy and a CD drive; `accepts` says which bodies of InsertMedia it takes. */
async function withDrives(slots: readonly Slot[], accepts: (body: Record<string, unknown>, slot: Slot) => boolean) {
  const tree = plainTree({
    '/redfish/v1/Systems/1': { Links: { ManagedBy: [{ '@odata.id': '/redfish/v1/Managers/1' }] } },
    '/redfish/v1/Managers/1': { VirtualMedia: { '@odata.id': MEDIA } },
    [MEDIA]: { Members: slots.map(({ Id }) => ({ '@odata.id': `${MEDIA}/${Id}` })) },
  });
  return await scripted(
    fromTree(tree, ({ method, path, body }) => {
      const slot = slots.find(({ Id }) => path.startsWith(`${MEDIA}/${Id}`));
      if (!slot) return undefined;
      if (method === 'GET') return { body: slot };
      const wanted = body as Record<string, unknown>;
      if (path.endsWith('EjectMedia')) {
        Object.assign(slot, { Inserted: false, Image: null });
        return { status: 204 };
      }
      if (!accepts(wanted, slot)) return { status: 400 };
      Object.assign(slot, { Inserted: wanted['Image'] !== null, Image: wanted['Image'] });
      return { status: 204 };
    }),
  );
}

const drive = (Id: string, type: string, more: Partial<Slot> = {}): Slot => ({
  Id,
  MediaTypes: [type],
  Inserted: false,
  Image: null,
  Actions: {
    '#VirtualMedia.InsertMedia': { target: `${MEDIA}/${Id}/Actions/VirtualMedia.InsertMedia` },
    '#VirtualMedia.EjectMedia': { target: `${MEDIA}/${Id}/Actions/VirtualMedia.EjectMedia` },
  },
  ...more,
});

describe('virtual media', () => {
  it('goes into the drive for CDs, after what was in it, and out again', async () => {
    const slots = [drive('Floppy1', 'Floppy'), drive('Cd1', 'CD', { Inserted: true, Image: 'http://old/x.iso' })];
    await using bmc = await withDrives(slots, () => true);
    await insertMedia(bmc.target, IMAGE, options());
    assert.deepEqual(
      slots.map(({ Image }) => Image),
      [null, IMAGE],
    );
    const writes = bmc
      .lines()
      .filter((line) => line.includes('/Actions/'))
      .map((line) => line.split('.').at(-1));
    assert.deepEqual(writes, ['EjectMedia', 'InsertMedia']);
    await insertMedia(bmc.target, IMAGE, options());
    assert.equal(bmc.lines().filter((line) => line.endsWith('InsertMedia')).length, 1);
    await ejectMedia(bmc.target, options());
    assert.deepEqual(
      slots.map(({ Inserted }) => Inserted),
      [false, false],
    );
  });

  it('is asked for in the form that the maker takes', async () => {
    for (const accepts of [
      (body: Record<string, unknown>) => Object.keys(body).join() === 'Image',
      (body: Record<string, unknown>) => body['TransferProtocolType'] === 'HTTP' && !('UserName' in body),
      (body: Record<string, unknown>) => 'UserName' in body,
    ]) {
      const slots = [drive('Cd1', 'DVD')];
      await using bmc = await withDrives(slots, accepts);
      await insertMedia(bmc.target, IMAGE, options());
      assert.equal(slots[0]?.Image, IMAGE);
    }
  });

  it('is patched into Lenovo’s remote slot, and tried in the next where one refuses', async () => {
    const remote = { Actions: undefined };
    const slots = [drive('RDOC1', 'CD', remote), drive('Remote1', 'CD', remote), drive('Internal', 'CD')];
    await using bmc = await withDrives(slots, (_body, { Id }) => Id !== 'Internal');
    await insertMedia(bmc.target, IMAGE, options());
    assert.deepEqual(
      slots.map(({ Image }) => Image),
      [null, IMAGE, null],
    );
  });

  it('that nobody has, or that takes nothing, is told as such', async () => {
    await using none = await simulatedBmc();
    await assert.rejects(insertMedia(none.target, IMAGE, options()), withCode('not-supported'));
    await using refuses = await withDrives([drive('Cd1', 'CD')], () => false);
    await assert.rejects(insertMedia(refuses.target, IMAGE, options()), withCode('refused'));
    await using floppy = await withDrives([drive('Floppy1', 'Floppy')], () => true);
    await assert.rejects(insertMedia(floppy.target, IMAGE, options()), withCode('not-supported', /no virtual drive/));
  });
});
