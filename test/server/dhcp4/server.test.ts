import dgram from 'node:dgram';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import { getOption, rawOption } from '#server/dhcp4/wire/options.ts';
import { memoryLeases } from './memory-leases.ts';
import { ATTEMPT, clientMessage, ip, mac, machineOf, openClient, relayed, startWorld } from './world.ts';

const MAC = mac('52:54:00:00:00:01');
const OTHER = mac('52:54:00:00:00:02');
const UEFI = {
  vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  clientArchitecture: [7],
  parameterRequestList: Uint8Array.of(1, 3, 6, 43, 60, 66, 67),
} as const;

describe('a relayed client on loopback', { timeout: 20_000 }, () => {
  test('is offered an address, gets it, and the store has it before the ACK came', async () => {
    const store = memoryLeases();
    await using world = await startWorld({ leases: store });
    const offer = await world.ask(clientMessage(MAC, { messageType: 'DISCOVER' }));
    assert.equal(getOption(offer.options, 'messageType'), 'OFFER');
    assert.equal(offer.yiaddr, '127.77.0.10');
    assert.deepEqual(store.leases(), [], 'an offer is not kept');
    const serverId = getOption(offer.options, 'serverId');
    assert.equal(serverId, '127.0.0.1');
    const ack = await world.ask(
      clientMessage(MAC, { messageType: 'REQUEST', serverId, requestedAddress: offer.yiaddr }),
    );
    assert.equal(getOption(ack.options, 'messageType'), 'ACK');
    assert.equal(getOption(ack.options, 'leaseSeconds'), 3600);
    assert.deepEqual(
      store.leases().map(({ address, key, mac, state, subnet }) => ({ address, key, mac, state, subnet })),
      [{ address: '127.77.0.10', key: MAC, mac: MAC, state: 'bound', subnet: '127.0.0.0/8' }],
    );
  });

  test('gets its option 82 back byte for byte and last', async () => {
    await using world = await startWorld();
    const asked = relayed(clientMessage(MAC, { messageType: 'DISCOVER', clientId: Uint8Array.of(1, 2, 3) }));
    const offer = await world.ask(asked);
    assert.deepEqual(rawOption(offer.options, 82), rawOption(asked.options, 82));
    assert.equal(offer.options.at(-1)?.code, 82);
    assert.deepEqual([...(rawOption(offer.options, 61) ?? [])], [1, 2, 3]);
  });

  test('an ACK does not leave before the store has the lease, and not at all if it cannot have it', async () => {
    const memory = memoryLeases();
    const { promise: stored, resolve: letGo } = Promise.withResolvers<void>();
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    const store = {
      ...memory,
      async bind(lease: Parameters<typeof memory.bind>[0]) {
        isAsked();
        await stored;
        return memory.bind(lease);
      },
    };
    await using world = await startWorld({ leases: store });
    const offer = await world.ask(clientMessage(MAC, { messageType: 'DISCOVER' }));
    const serverId = getOption(offer.options, 'serverId');
    const ack = world.ask(clientMessage(MAC, { messageType: 'REQUEST', serverId, requestedAddress: offer.yiaddr }));
    await asked;
    // Another client is served meanwhile; if the ACK had left, it would have come before this offer.
    const other = world.ask(clientMessage(OTHER, { messageType: 'DISCOVER' }, { xid: 7 }));
    assert.equal((await Promise.race([ack, other])).xid, 7);
    letGo();
    assert.equal(getOption((await ack).options, 'messageType'), 'ACK');
  });

  test('firmware of an accepted machine is told its loader, in OFFER and ACK alike, and the trace tells why', async () => {
    await using world = await startWorld({ machines: [machineOf({ macs: [MAC], profile: 'live' })] });
    const offer = await world.ask(clientMessage(MAC, { messageType: 'DISCOVER', ...UEFI }));
    assert.equal(offer.file, 'ipxe/x86_64/snponly.efi');
    assert.equal(offer.siaddr, '127.0.0.1');
    const serverId = getOption(offer.options, 'serverId');
    const request = { messageType: 'REQUEST', serverId, requestedAddress: offer.yiaddr, ...UEFI } as const;
    const ack = await world.ask(clientMessage(MAC, request));
    assert.equal(ack.file, offer.file);
    assert.deepEqual(rawOption(ack.options, 43), rawOption(offer.options, 43));
    assert.deepEqual(world.kinds(), ['dhcp-received', 'dhcp-answered', 'dhcp-received', 'dhcp-answered']);
    const told = world.events.at(-1);
    assert.equal(told?.subject.attempt, ATTEMPT);
    assert.equal(told?.subject.address, '127.77.0.10');
    assert.deepEqual(world.sightings[0]?.facts, {
      arch: 'x86_64',
      firmware: 'uefi',
      'vendor-class': UEFI.vendorClass,
    });
  });

  test('iPXE of the same machine is told its script', async () => {
    await using world = await startWorld({ machines: [machineOf({ macs: [MAC], profile: 'live' })] });
    const ipxe = { ...UEFI, userClass: { form: 'raw', classes: ['iPXE'] }, ipxe: { features: { http: 1 } } } as const;
    const offer = await world.ask(clientMessage(MAC, { messageType: 'DISCOVER', ...ipxe }));
    assert.equal(offer.file, `http://127.0.0.1:8080/a/${ATTEMPT}/boot.ipxe`);
    assert.equal(getOption(offer.options, 'ipxe')?.noPxeDhcp, true);
  });

  test('a stranger gets an address, nothing to boot, and the reason stands in its trace', async () => {
    await using world = await startWorld();
    const offer = await world.ask(clientMessage(MAC, { messageType: 'DISCOVER', ...UEFI }));
    assert.equal(offer.yiaddr, '127.77.0.10');
    assert.equal(offer.file, '');
    assert.equal(getOption(offer.options, 'vendorClass'), undefined);
    const silent = world.events.at(-1)?.body;
    assert.ok(silent?.kind === 'dhcp-silent' && silent.code === 'not-accepted', JSON.stringify(silent));
  });

  test('a renewal by unicast is answered to the client itself', async () => {
    const client = ip('127.77.0.11');
    const at = Date.now();
    const lease = {
      site: 'default',
      subnet: '127.0.0.0/8',
      address: client,
      key: MAC,
      mac: MAC,
      state: 'bound',
      boundAt: at,
      expiresAt: at + 60_000,
    } as const;
    await using own = await openClient(client);
    await using world = await startWorld({ leases: memoryLeases([lease]), ports: { relay: 67, client: own.port } });
    const ack = await own.ask(clientMessage(MAC, { messageType: 'REQUEST' }, { ciaddr: client }), {
      address: ip('127.0.0.1'),
      port: world.port,
    });
    assert.equal(getOption(ack.options, 'messageType'), 'ACK');
    assert.equal(ack.yiaddr, client);
  });

  test('a datagram that is no DHCP changes nothing', async () => {
    await using world = await startWorld();
    const socket = dgram.createSocket('udp4');
    socket.send(Buffer.alloc(1), world.port, '127.0.0.1');
    await world.ask(clientMessage(MAC, { messageType: 'DISCOVER' }));
    socket.close();
    assert.equal(world.server.counters().received['malformed'], 1);
  });
});

test('an answer that comes back to us and a BOOTP request are not answered', { timeout: 20_000 }, async () => {
  await using world = await startWorld();
  const socket = dgram.createSocket('udp4');
  const bootp = clientMessage(MAC, {});
  for (const message of [{ ...clientMessage(MAC, { messageType: 'OFFER' }), op: 2 as const }, bootp])
    socket.send(encodeDhcp4(message), world.port, '127.0.0.1');
  await world.ask(clientMessage(MAC, { messageType: 'DISCOVER' }));
  socket.close();
  const { received, silent } = world.server.counters();
  assert.deepEqual({ ...received }, { BOOTP: 1, DISCOVER: 1 });
  assert.equal(silent['ignored'], 1);
});

describe('port 4011', { timeout: 20_000 }, () => {
  test('tells what to boot, to the port it was asked from', async () => {
    const client = ip('127.77.0.12');
    await using own = await openClient(client);
    await using world = await startWorld({ machines: [machineOf({ macs: [MAC], profile: 'live' })] });
    const ack = await own.ask(clientMessage(MAC, { messageType: 'REQUEST', ...UEFI }, { ciaddr: client }), {
      address: ip('127.0.0.1'),
      port: world.proxyPort,
    });
    assert.equal(getOption(ack.options, 'messageType'), 'ACK');
    assert.equal(ack.yiaddr, '0.0.0.0');
    assert.equal(ack.file, 'ipxe/x86_64/snponly.efi');
    assert.equal(getOption(ack.options, 'vendorClass'), 'PXEClient');
    assert.equal(getOption(ack.options, 'leaseSeconds'), undefined);
  });
});
