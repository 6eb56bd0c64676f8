import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { profileDocument } from '#machines/contract/documents.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import { type BootFile, type BootFacts, chooseBootFile } from '#server/dhcp4/decide/boot-file.ts';
import { identifyClient } from '#server/dhcp4/decide/client.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { ATTEMPT, clientMessage, LOADERS, mac } from '../world.ts';
import { MAC, SERVER } from './question.ts';

const NETBOOT: BootPlan = {
  kind: 'netboot',
  profile: profileDocument.parse({ kind: 'Profile', name: 'live', os: 'script' }),
  image: undefined,
  grant: undefined,
  because: 'profile live',
};
const HOLD: BootPlan = { kind: 'hold', because: 'discovery is hold here' };
const ownDisk = (code: Extract<BootPlan, { kind: 'own-disk' }>['code']): BootPlan => ({
  kind: 'own-disk',
  code,
  because: code,
});

const pxe = (code: number): OptionValues => ({ vendorClass: 'PXEClient', clientArchitecture: [code] });
const http = (code: number): OptionValues => ({ vendorClass: 'HTTPClient', clientArchitecture: [code] });
const ipxe = (features: Readonly<Record<string, number>>, code = 7): OptionValues => ({
  ...pxe(code),
  userClass: { form: 'raw', classes: ['iPXE'] },
  ipxe: { features },
});
const BASE = 'http://192.168.77.1:8080';
const SCRIPT = `a/${ATTEMPT}/boot.ipxe`;

const SIGNED = new Map([
  ...LOADERS,
  ...['grub/x86_64/shimx64.efi', 'grub/x86_64/grubx64.efi'].map((name) => [name, { name, size: 1 }] as const),
]);

const choose = (values: OptionValues, facts: Partial<BootFacts> = {}): BootFile =>
  chooseBootFile({
    client: identifyClient(clientMessage(MAC, values)),
    plan: NETBOOT,
    loaders: LOADERS,
    attempt: ATTEMPT,
    advertise: BASE,
    tftp: { address: SERVER, port: 69 },
    ...facts,
  });
const shown = (boot: BootFile): string =>
  boot.kind === 'file' ? (boot.name ?? '(server only)') : `none: ${boot.code}`;

const ROWS: readonly (readonly [string, OptionValues, Partial<BootFacts>, string])[] = [
  ['BIOS firmware gets undionly', pxe(0), {}, 'ipxe/undionly.kpxe'],
  ['UEFI x64 gets snponly', pxe(7), {}, 'ipxe/x86_64/snponly.efi'],
  ['UEFI arm64 gets its own', pxe(11), {}, 'ipxe/arm64/snponly.efi'],
  ['UEFI HTTP Boot gets a URL', http(16), {}, `${BASE}/ipxe/x86_64/snponly.efi`],
  ['Secure Boot gets the signed chain', pxe(7), { secureBoot: true, loaders: SIGNED }, 'grub/x86_64/shimx64.efi'],
  ['and by HTTP Boot, too', http(16), { secureBoot: true, loaders: SIGNED }, `${BASE}/grub/x86_64/shimx64.efi`],
  [
    'iPXE gets its script whatever is signed',
    ipxe({ http: 1 }),
    { secureBoot: true, loaders: SIGNED },
    `${BASE}/${SCRIPT}`,
  ],
  ['iPXE gets its script', ipxe({ http: 1 }), {}, `${BASE}/${SCRIPT}`],
  ['iPXE without HTTP gets its script by TFTP', ipxe({ tftp: 1 }), {}, `tftp://192.168.77.1/${SCRIPT}`],
  [
    'and from the port where TFTP is served',
    ipxe({ tftp: 1 }),
    { tftp: { address: SERVER, port: 6969 } },
    `tftp://192.168.77.1:6969/${SCRIPT}`,
  ],
  [
    'iPXE without HTTPS is not sent to an https URL',
    ipxe({ http: 1 }),
    { advertise: 'https://boot.lab' },
    `tftp://192.168.77.1/${SCRIPT}`,
  ],
  ['iPXE with HTTPS is', ipxe({ http: 1, https: 1 }), { advertise: 'https://boot.lab' }, `https://boot.lab/${SCRIPT}`],
  ['U-Boot knows the names itself', { vendorClass: 'U-Boot.armv8', clientArchitecture: [22] }, {}, '(server only)'],
  ['firmware that waits is held by iPXE', pxe(7), { plan: HOLD }, 'ipxe/x86_64/snponly.efi'],
  ['iPXE that waits gets the script for it', ipxe({ http: 1 }), { plan: HOLD }, `${BASE}/${SCRIPT}`],
  ['firmware that is to boot its own disk gets nothing', pxe(7), { plan: ownDisk('no-grant') }, 'none: no-boot-file'],
  ['UEFI HTTP Boot likewise', http(16), { plan: ownDisk('adopted') }, 'none: no-boot-file'],
  [
    'iPXE that runs already gets the script for its own disk',
    ipxe({ http: 1 }),
    { plan: ownDisk('no-grant') },
    `${BASE}/${SCRIPT}`,
  ],
  ['iPXE of an unknown machine gets nothing', ipxe({ http: 1 }), { plan: ownDisk('unknown') }, 'none: not-accepted'],
  [
    'iPXE of one that was only seen gets nothing',
    ipxe({ http: 1 }),
    { plan: ownDisk('not-accepted') },
    'none: not-accepted',
  ],
  ['iPXE of a rejected machine gets nothing', ipxe({ http: 1 }), { plan: ownDisk('rejected') }, 'none: rejected'],
  ['firmware of a rejected machine gets nothing', pxe(7), { plan: ownDisk('rejected') }, 'none: rejected'],
  ['an architecture without any loader', pxe(2), {}, 'none: wrong-arch'],
  ['an architecture whose loader nobody has put here', pxe(27), {}, 'none: loader-missing'],
  ['no loaders at all', pxe(7), { loaders: new Map() }, 'none: loader-missing'],
  ['no attempt, so no script', ipxe({ http: 1 }), { attempt: undefined }, 'none: limit'],
  ['an operating system', {}, {}, 'none: not-a-netboot-client'],
];

describe('what a client is told to load', () => {
  for (const [name, values, facts, want] of ROWS)
    test(`${name}: ${want}`, () => assert.equal(shown(choose(values, facts)), want));

  test('a Raspberry Pi knows the names itself', () => {
    const client = identifyClient(clientMessage(mac('b8:27:eb:00:00:01'), pxe(0)));
    assert.equal(shown(choose({}, { client })), '(server only)');
  });

  test('an iPXE never gets a loader, whatever its plan, architecture and features: it would load itself without end', () => {
    const plans: readonly BootPlan[] = [
      NETBOOT,
      HOLD,
      ...(['no-grant', 'adopted', 'profile-disk', 'broken', 'unknown'] as const).map(ownDisk),
    ];
    for (const plan of plans) {
      for (const code of [0, 6, 7, 9, 11, 16, 19, 21, 27, 41]) {
        for (const features of [{ http: 1 }, { tftp: 1 }, {}]) {
          const boot = choose(ipxe(features, code), { plan });
          const name = boot.kind === 'file' ? boot.name : undefined;
          assert.ok(name === undefined || name.endsWith(`/${SCRIPT}`), name);
          assert.ok(!LOADER_NAMES.some((loader) => name?.endsWith(loader)));
        }
      }
    }
  });
});
