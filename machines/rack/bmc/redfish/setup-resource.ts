import { isObject, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { refusal } from './message.ts';
import { systemPath } from './paths.ts';
import { action, type Resource, type Service } from './resource.ts';
import { patchOf } from './system.ts';

const APPLY_TIMES = ['OnReset', 'Immediate'];

/** BIOS attributes with their settings object, and Secure Boot: both wait for the next boot. */
export function setupResources({ board, tasks }: Service): readonly (readonly [string, Resource])[] {
  const { setup, profile, quirk, fault } = board;
  const bios = `${systemPath(profile)}/Bios`;
  const settings = `${bios}/Settings`;
  const secureBoot = `${systemPath(profile)}/SecureBoot`;
  const resetBios = action({ target: `${bios}/Actions/Bios.ResetBios`, name: 'ResetBios', infoOnly: false });
  const isUefi = board.hardware().firmware === 'uefi';

  function patchAttributes(value: unknown, body: JsonObject) {
    if (!isObject(value)) return refusal(400, 'PropertyValueTypeError', ['Attributes'], { related: ['Attributes'] });
    if (quirk('refuses-during-post') && board.power.stage() === 'self-test') {
      return refusal(400, 'UnableToModifyDuringSystemPOST');
    }
    const changes: Record<string, string | number | boolean> = {};
    for (const [name, wanted] of Object.entries(value)) {
      const now = setup.attributes[name];
      if (now === undefined) return refusal(400, 'PropertyUnknown', [name], { related: [`Attributes.${name}`] });
      if (typeof wanted !== typeof now) return refusal(400, 'PropertyValueTypeError', [name], { related: [name] });
      changes[name] = wanted as string;
    }
    if (fault('lies')) return NO_CONTENT;
    const applyTime = body['@Redfish.SettingsApplyTime'];
    // Without it, iDRAC notes the wish and makes no job of it.
    if (quirk('bios-needs-apply-time') && !isObject(applyTime)) return NO_CONTENT;
    setup.pending = { ...setup.pending, ...changes };
    return tasks.start('BIOS settings', untilApplied());
  }

  async function untilApplied(): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = board.backend.onStage((stage) => {
        if (stage !== 'self-test' && stage !== 'off') {
          stop();
          resolve();
        }
      });
    });
  }

  return [
    [
      bios,
      {
        get: () => ({
          '@odata.id': bios,
          '@odata.type': '#Bios.v1_2_1.Bios',
          Id: 'Bios',
          Name: 'BIOS settings that hold now',
          AttributeRegistry: 'BiosAttributeRegistry.v1_0_0',
          Attributes: setup.attributes,
          '@Redfish.Settings': {
            '@odata.type': '#Settings.v1_3_5.Settings',
            SettingsObject: link(settings),
            SupportedApplyTimes: APPLY_TIMES,
          },
          Actions: { '#Bios.ResetBios': resetBios.inline },
        }),
      },
    ],
    [
      settings,
      {
        get: () => ({
          '@odata.id': settings,
          '@odata.type': '#Bios.v1_2_1.Bios',
          Id: 'Settings',
          Name: 'BIOS settings of the next boot',
          AttributeRegistry: 'BiosAttributeRegistry.v1_0_0',
          Attributes: { ...setup.attributes, ...setup.pending },
        }),
        patch: (body) => patchOf(body, { Attributes: (value) => patchAttributes(value, body) }),
      },
    ],
    [
      resetBios.inline['target'] as string,
      {
        isAction: true,
        post() {
          setup.pending = { ...setup.attributes, NumLock: 'On', PxeDev1EnDis: 'Enabled' };
          return NO_CONTENT;
        },
      },
    ],
    [
      secureBoot,
      {
        get: () => ({
          '@odata.id': secureBoot,
          '@odata.type': '#SecureBoot.v1_1_1.SecureBoot',
          Id: 'SecureBoot',
          Name: 'Secure Boot',
          SecureBootEnable: setup.secureBootWanted,
          SecureBootCurrentBoot: setup.secureBoot ? 'Enabled' : 'Disabled',
          SecureBootMode: 'UserMode',
        }),
        patch: (body) =>
          patchOf(body, {
            SecureBootEnable(value) {
              if (typeof value !== 'boolean') return refusal(400, 'PropertyValueTypeError', ['SecureBootEnable']);
              if (!isUefi) return refusal(400, 'PropertyNotWritable', ['SecureBootEnable']);
              if (!fault('lies')) setup.secureBootWanted = value;
              return NO_CONTENT;
            },
          }),
      },
    ],
  ];
}
