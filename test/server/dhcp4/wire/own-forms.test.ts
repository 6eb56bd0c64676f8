import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCidr4 } from '#machines/values/cidr.ts';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { codeOf, type OptionName, type OptionValue } from '#server/dhcp4/wire/option-table.ts';
import { getOption, makeOptions, NO_OPTIONS, rawOption, withRawOption } from '#server/dhcp4/wire/options.ts';
import { text } from './datagram.ts';

const ip = (address: string): Ipv4 => sure(parseIpv4(address));

function read<N extends OptionName>(name: N, bytes: readonly number[]): OptionValue<N> | undefined {
  return getOption(withRawOption(NO_OPTIONS, codeOf(name), Uint8Array.from(bytes)), name);
}

const written = (name: OptionName, value: unknown): readonly number[] => [
  ...(rawOption(makeOptions({ [name]: value }), codeOf(name)) ?? []),
];

describe('user class, option 77', () => {
  test('of iPXE is its bare name', () => {
    assert.deepEqual(read('userClass', text('iPXE')), { form: 'raw', classes: ['iPXE'] });
    assert.deepEqual(written('userClass', { form: 'raw', classes: ['iPXE'] }), text('iPXE'));
  });

  test('by RFC 3004 is a list of names with their lengths', () => {
    const bytes = [4, ...text('iPXE'), 2, ...text('ab')];
    assert.deepEqual(read('userClass', bytes), { form: 'list', classes: ['iPXE', 'ab'] });
    assert.deepEqual(written('userClass', { form: 'list', classes: ['iPXE', 'ab'] }), bytes);
  });

  test('whose lengths do not add up is a bare name', () => {
    assert.deepEqual(read('userClass', [4, ...text('iPX')]), { form: 'raw', classes: ['\u0004iPX'] });
    assert.deepEqual(read('userClass', [0]), { form: 'raw', classes: [''] });
  });
});

describe('client machine id, option 97', () => {
  // 12345678-1234-5678-9abc-def012345678 as SMBIOS stores it and OVMF sends it.
  const smbios = [0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x9a, 0xbc, 0xde, 0xf0, 0x12, 0x34, 0x56, 0x78];

  test('offers the UUID in both byte orders', () => {
    assert.deepEqual(read('clientMachineId', [0, ...smbios])?.uuid, {
      asSent: '78563412-3412-7856-9abc-def012345678',
      swapped: '12345678-1234-5678-9abc-def012345678',
    });
  });

  test('of another type or size is bytes, and is written as it was', () => {
    const value = read('clientMachineId', [0, 1, 2, 3]);
    assert.deepEqual(value, { type: 0, id: Uint8Array.of(1, 2, 3) });
    assert.deepEqual(written('clientMachineId', value), [0, 1, 2, 3]);
    assert.deepEqual(read('clientMachineId', [255, ...smbios]), { type: 255, id: Uint8Array.from(smbios) });
  });
});

describe('domain search, option 119', () => {
  const lab = [3, ...text('lab'), 7, ...text('example'), 0];

  test('follows pointers to earlier names', () => {
    const bytes = [...lab, 2, ...text('eu'), 0xc0, 0, 3, ...text('net'), 0xc0, 4];
    assert.deepEqual(read('domainSearch', bytes), ['lab.example', 'eu.lab.example', 'net.example']);
  });

  test('is written without pointers and read back', () => {
    assert.deepEqual(written('domainSearch', ['lab.example']), lab);
    const names = ['lab.example', 'eu.lab.example', 'x'];
    assert.deepEqual(read('domainSearch', written('domainSearch', names)), names);
  });

  const refused = [
    { name: 'a pointer to itself', bytes: [0xc0, 0] },
    { name: 'a pointer forwards', bytes: [0xc0, 2, ...lab] },
    { name: 'two pointers at each other', bytes: [1, 0x61, 0xc0, 4, 1, 0x62, 0xc0, 0, 0xc0, 8] },
    { name: 'a pointer cut off', bytes: [...lab, 0xc0] },
    { name: 'a name without its end', bytes: lab.slice(0, -1) },
    { name: 'a label that is cut off', bytes: [9, ...text('lab')] },
    { name: 'a label of 64 bytes', bytes: [64, ...text('a'.repeat(64)), 0] },
    {
      name: 'a name over 255 bytes',
      bytes: [...Array.from({ length: 5 }, () => [60, ...text('a'.repeat(60))]).flat(), 0],
    },
    { name: 'a dot inside a label', bytes: [3, ...text('a.b'), 0] },
    { name: 'a NUL inside a label', bytes: [3, 0x61, 0, 0x62, 0] },
  ];
  for (const { name, bytes } of refused) {
    test(`with ${name} is not read`, () => assert.equal(read('domainSearch', bytes), undefined));
  }

  test('that would unfold into thousands of names is not read', () => {
    const long = [...Array.from({ length: 4 }, () => [60, ...text('a'.repeat(60))]).flat(), 0];
    const pointers = Array.from({ length: 10_000 }, () => [0xc0, 0]).flat();
    assert.equal(read('domainSearch', [...long, ...pointers]), undefined);
  });

  test('throws for a name that no client could read', () => {
    assert.throws(() => written('domainSearch', ['a'.repeat(64)]), RangeError);
    assert.throws(() => written('domainSearch', [Array.from({ length: 60 }, () => 'abcd').join('.')]), RangeError);
  });
});

describe('client FQDN, option 81', () => {
  test('comes as ASCII or in wire form', () => {
    assert.deepEqual(read('clientFqdn', [1, 0, 0, ...text('node1.lab')]), { flags: 1, name: 'node1.lab' });
    assert.deepEqual(read('clientFqdn', [5, 0, 0, 5, ...text('node1'), 3, ...text('lab'), 0]), {
      flags: 5,
      name: 'node1.lab',
    });
  });

  test('may be a partial name, or none', () => {
    assert.deepEqual(read('clientFqdn', [4, 0, 0, 5, ...text('node1')]), { flags: 4, name: 'node1' });
    assert.deepEqual(read('clientFqdn', [4, 0, 0]), { flags: 4, name: '' });
  });

  test('is read back as it was written', () => {
    for (const value of [
      { flags: 4, name: 'node1' },
      { flags: 5, name: 'node1.lab' },
      { flags: 1, name: 'node1.lab' },
    ]) {
      assert.deepEqual(read('clientFqdn', written('clientFqdn', value)), value);
    }
  });
});

describe('routes, options 121 and 249', () => {
  const bytes = [0, 10, 0, 0, 1, 8, 10, 10, 0, 0, 2, 25, 192, 168, 77, 128, 0, 0, 0, 0];
  const list = [
    { to: sure(parseCidr4('0.0.0.0/0')), via: ip('10.0.0.1') },
    { to: sure(parseCidr4('10.0.0.0/8')), via: ip('10.0.0.2') },
    { to: sure(parseCidr4('192.168.77.128/25')), via: ip('0.0.0.0') },
  ];

  for (const name of ['classlessRoutes', 'microsoftRoutes'] as const) {
    test(`${name} carry only the significant bytes of a destination`, () => {
      assert.deepEqual(read(name, bytes), list);
      assert.deepEqual(written(name, list), bytes);
    });
  }

  test('lose host bits that a server left set', () => {
    assert.deepEqual(read('classlessRoutes', [12, 10, 31, 10, 0, 0, 1])?.[0]?.to, { base: '10.16.0.0', bits: 12 });
  });

  test('over 32 bits or cut off are not read', () => {
    assert.equal(read('classlessRoutes', [33, 10, 0, 0, 0, 0, 10, 0, 0, 1]), undefined);
    assert.equal(read('classlessRoutes', bytes.slice(0, -1)), undefined);
  });
});

describe('vendor data, options 124 and 125', () => {
  const bytes = [0, 0, 1, 0x57, 2, 7, 8, 0, 0, 0x11, 0x8b, 0];

  test('stand side by side under enterprise numbers', () => {
    const list = [
      { enterprise: 343, data: Uint8Array.of(7, 8) },
      { enterprise: 4491, data: new Uint8Array(0) },
    ];
    for (const name of ['vendorIdentifyingClass', 'vendorIdentifyingInformation'] as const) {
      assert.deepEqual(read(name, bytes), list);
      assert.deepEqual(written(name, list), bytes);
    }
  });

  test('cut off are not read', () => assert.equal(read('vendorIdentifyingClass', bytes.slice(0, 6)), undefined));
});

describe("iPXE's option 175", () => {
  test('of a client lists features, bus and version', () => {
    const bytes = [177, 5, 1, 0x80, 0x86, 0x10, 0x0e, 235, 3, 1, 21, 1, 19, 1, 1, 16, 1, 2, 42, 1, 9];
    const value = read('ipxe', bytes);
    assert.deepEqual(value?.features, { http: 1, 'pxe-extensions': 2 });
    assert.deepEqual(value?.version, [1, 21, 1]);
    assert.deepEqual(value?.busId, Uint8Array.of(1, 0x80, 0x86, 0x10, 0x0e));
    assert.deepEqual(value?.others, [{ code: 42, bytes: Uint8Array.of(9) }]);
  });

  test('of a server carries settings', () => {
    const value = {
      priority: -5,
      keepSan: true,
      noPxeDhcp: true,
      syslogs: 'log',
      crosscert: 'http://ca/',
      scriptlet: 'shell',
    };
    const bytes = [
      1,
      1,
      0xfb,
      8,
      1,
      1,
      81,
      5,
      ...text('shell'),
      85,
      3,
      ...text('log'),
      93,
      10,
      ...text('http://ca/'),
      176,
      1,
      1,
    ];
    assert.deepEqual(written('ipxe', value), bytes);
    const back = read('ipxe', bytes);
    for (const [name, one] of Object.entries(value)) assert.equal(back?.[name as keyof typeof value], one, name);
  });

  test('is read back with everything in it', () => {
    const value = {
      features: { https: 1, nfs: 3 },
      priority: 7,
      keepSan: false,
      skipSanBoot: true,
      scriptlet: 'a',
      syslogs: 'b',
      crosscert: 'c',
      noPxeDhcp: false,
      busId: Uint8Array.of(1),
      useCached: true,
      version: [2, 0, 0] as const,
      others: [{ code: 190, bytes: Uint8Array.of(1, 2) }],
    };
    assert.deepEqual(read('ipxe', written('ipxe', value)), value);
  });

  test('with a version of two bytes has none', () => assert.equal(read('ipxe', [235, 2, 1, 0])?.version, undefined));
});
