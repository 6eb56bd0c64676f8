import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { carryOut } from '#machines/rack/bmc/ipmi/commands.ts';
import { LEVEL } from '#machines/rack/bmc/ipmi/sessions.ts';
import { READER, USER } from '../rig.ts';
import { commandRig } from './command-rig.ts';

const SET_PXE = '00 08 05 a0 04 00 00 00';
const GET_FLAGS = '00 09 05 00 00';

describe('boot flags', () => {
  for (const [what, flags, device, mode] of [
    ['PXE, UEFI', 'a0 04', 'network', 'uefi'],
    ['PXE, BIOS', '80 04', 'network', 'bios'],
    ['disk', 'a0 08', 'disk', 'uefi'],
    ['CD', 'a0 14', 'media', 'uefi'],
    ['remote CD', 'a0 20', 'media', 'uefi'],
    ['setup', 'a0 18', 'setup', 'uefi'],
    ['removable', '80 3c', 'media', 'bios'],
    ['none', 'a0 00', 'none', 'uefi'],
  ] as const) {
    it(`${what} is booted, once`, async () => {
      const { ask, board, boots } = commandRig();
      assert.equal(ask(`00 08 05 ${flags} 00 00 00`), '00');
      ask('00 02 01');
      await board.power.settled();
      ask('00 02 03');
      await board.power.settled();
      assert.deepEqual(boots, [`${device} ${mode}`, `none ${mode}`]);
      assert.equal(ask(GET_FLAGS), '00 01 05 00 00 00 00 00'.replaceAll(' ', ''));
    });
  }

  it('that persist are booted until they are cleared', async () => {
    const { ask, board, boots } = commandRig();
    ask('00 08 05 e0 04 00 00 00');
    for (const command of ['00 02 01', '00 02 03', '00 08 05 00 00 00 00 00', '00 02 03']) {
      ask(command);
      await board.power.settled();
    }
    assert.deepEqual(boots, ['network uefi', 'network uefi', 'none uefi']);
  });

  it('die a minute after they were set, unless a chassis command came or they were told to stay', async () => {
    const dead = commandRig();
    dead.ask(SET_PXE);
    dead.pass(59_999);
    assert.equal(dead.ask(GET_FLAGS), '000105a004000000');
    dead.pass(1);
    assert.equal(dead.ask(GET_FLAGS), '0001050000000000');
    // A command after their death does not wake them.
    dead.ask('00 02 01');
    await dead.board.power.settled();
    assert.deepEqual(dead.boots, ['none uefi']);

    const kept = commandRig();
    kept.ask('00 08 03 08');
    kept.ask(SET_PXE);
    kept.pass(3_600_000);
    assert.equal(kept.ask(GET_FLAGS), '000105a004000000');

    const commanded = commandRig();
    commanded.faults.add('ignores-power');
    commanded.ask(SET_PXE);
    commanded.ask('00 02 01');
    commanded.pass(3_600_000);
    assert.equal(commanded.ask(GET_FLAGS), '000105a004000000');
  });

  it('are lost when the BMC begins again', () => {
    const { ask } = commandRig();
    ask(SET_PXE);
    ask('06 02');
    assert.equal(ask(GET_FLAGS), '0001050000000000');
  });

  it('are not stored by a BMC that lies, which still says yes', () => {
    const { ask, faults } = commandRig();
    faults.add('lies');
    assert.equal(ask(SET_PXE), '00');
    faults.delete('lies');
    assert.equal(ask(GET_FLAGS), '0001050000000000');
  });

  it('of Supermicro want another selector for a disk under UEFI', () => {
    const { ask } = commandRig({ quirks: ['efi-disk-24'] });
    ask('00 08 05 a0 24 00 00 00');
    assert.equal(ask(GET_FLAGS), '000105a024000000');
    ask('00 08 05 a0 08 00 00 00');
    assert.equal(ask(GET_FLAGS), '0001058008000000');
  });

  it('lose the EFI bit where a BMC drops it', () => {
    const { ask } = commandRig({ quirks: ['drops-efi-flag'] });
    ask(SET_PXE);
    assert.equal(ask(GET_FLAGS), '0001058004000000');
  });

  it('are refused for a device that nobody has, and when they are short', () => {
    const { ask } = commandRig();
    assert.equal(ask('00 08 05 80 28 00 00 00'), 'cc');
    assert.equal(ask('00 08 05 80 04'), 'c7');
    assert.equal(ask('00 08 07 00'), '80');
  });

  it('are set by one session at a time, until it ends', () => {
    const { ask, service, session } = commandRig();
    const other = service.sessions.open({ ...session, bmcId: 8 });
    other.level = LEVEL.administrator;
    assert.equal(ask('00 08 00 01'), '00');
    assert.equal(ask('00 08 00 01'), '00');
    assert.equal(ask('00 08 00 01', other), '81');
    service.sessions.close(session);
    assert.equal(ask('00 08 00 01', other), '00');
    assert.equal(ask('00 08 00 00', other), '00');
  });

  for (const [quirk, refusedOnes] of [
    ['no-set-in-progress', ['00 08 00 01']],
    ['no-info-acknowledge', ['00 08 03 08', '00 08 04 01 01']],
  ] as const) {
    it(`${quirk}: the parameter is not there, and the flags are set all the same`, () => {
      const { ask } = commandRig({ quirks: [quirk] });
      for (const one of refusedOnes) assert.equal(ask(one), '80');
      assert.equal(ask(SET_PXE), '00');
      assert.equal(ask(GET_FLAGS), '000105a004000000');
    });
  }
});

describe('chassis', () => {
  it('tells power, restore policy and lamp', async () => {
    const { ask, board, pass } = commandRig();
    assert.equal(ask('00 01'), '00200040');
    ask('00 02 01');
    await board.power.settled();
    assert.equal(ask('00 01'), '00211040');
    ask('00 06 02');
    ask('00 04 1e');
    assert.equal(ask('00 01'), '00411050');
    pass(30_000);
    assert.equal(ask('00 01'), '00411040');
    ask('00 04 00 01');
    assert.equal(ask('00 01'), '00411060');
    ask('00 04 00');
    assert.equal(ask('00 01'), '00411040');
  });

  it('off can be turned off again, and is neither reset, cycled nor interrupted', () => {
    const { ask } = commandRig();
    assert.deepEqual(
      ['00', '02', '03', '04', '05', '06'].map((control) => ask(`00 02 ${control}`)),
      ['00', 'd5', 'd5', 'd5', '00', 'cc'],
    );
  });

  it('carries a command out as often as it comes', async () => {
    const { ask, board, boots } = commandRig();
    ask('00 02 01');
    for (let time = 0; time < 3; time++) ask('00 02 03');
    await board.power.settled();
    assert.equal(boots.length, 4);
  });
});

describe('privilege', () => {
  for (const [level, refused] of [
    [LEVEL.callback, ['00 01', '00 02 01', '06 47 02 02']],
    [LEVEL.user, ['00 02 01', SET_PXE, '06 47 02 02', '06 02', '0a 47 00 00 43 4c 52 aa']],
    [LEVEL.operator, ['06 47 02 02', '06 02', '06 43 91 02 04']],
  ] as const) {
    it(`of level ${level} does not reach ${refused.join('; ')}`, () => {
      const { ask } = commandRig({ level });
      for (const one of refused) assert.equal(ask(one), 'd4', one);
    });
  }

  it('is asked for, up to the limit of the session', () => {
    const { ask, session } = commandRig({ level: LEVEL.operator });
    assert.equal(ask('06 3b 00'), '0003');
    assert.equal(ask('06 3b 02'), '0002');
    assert.equal(ask('06 3b 04'), '81');
    assert.equal(ask('06 3b 05'), '80');
    assert.equal(session.level, LEVEL.user);
  });

  it('without a session reaches what a login needs, and no more', () => {
    const { service } = commandRig();
    const route = { responder: 0x20, responderLun: 0, requester: 0x81, requesterLun: 0, number: 1 };
    const code = (netFn: number, command: number, ...data: readonly number[]) => {
      const answer = carryOut({ netFn, command, data: Uint8Array.from(data), route }, service, undefined);
      return answer === 'silence' ? answer : answer.code;
    };
    assert.equal(code(0x06, 0x38, 0x8e, 0x04), 0);
    assert.equal(code(0x06, 0x54, 0x0e, 0x00, 0x80), 0);
    assert.equal(code(0x06, 0x37), 0);
    assert.equal(code(0x06, 0x01), 0xd4);
    assert.equal(code(0x00, 0x02, 1), 0xd4);
    assert.equal(code(0x2e, 0x99), 0xd4);
  });

  it('of one who must change his password is for that alone', () => {
    const { ask, faults } = commandRig();
    faults.add('must-change-password');
    assert.equal(ask('00 01'), 'd4');
    const password = Buffer.from('another-Pass9'.padEnd(20, '\0')).toString('hex');
    assert.equal(ask(`06 47 82 02 ${password}`), '00');
    assert.equal(ask('00 01'), '00200040');
  });
});

describe('the event log', () => {
  it('is read record by record, and cleared by who has reserved it', () => {
    const { ask, board } = commandRig();
    board.log.add({ severity: 'OK', text: 'One more', sensorType: 0x09, sensor: 1, offset: 0 });
    assert.equal(ask('0a 40').slice(0, 8), '00510200');
    // The next one's number, then sixteen bytes.
    assert.equal(ask('0a 43 00 00 00 00 00 ff').slice(0, 12), '000200010002');
    assert.match(ask('0a 43 00 00 ff ff 00 ff'), /^00ffff0200/);
    assert.equal(ask('0a 43 00 00 09 00 00 ff'), 'cb');
    // A part of a record wants a reservation.
    assert.equal(ask('0a 43 00 00 01 00 04 02'), 'c5');
    assert.equal(ask('0a 47 00 00 43 4c 52 aa'), 'c5');
    assert.equal(ask('0a 42'), '000100');
    assert.equal(ask('0a 43 01 00 01 00 02 01'), '00020002');
    assert.equal(ask('0a 47 01 00 43 4c 52 aa'), '0001');
    assert.equal(board.log.entries().length, 0);
    assert.equal(ask('0a 43 00 00 00 00 00 ff'), 'cb');
    // It is another log now.
    assert.equal(ask('0a 47 01 00 43 4c 52 aa'), 'c5');
  });

  it('goes by the BMC’s own clock, which can be set', () => {
    const { ask, board } = commandRig();
    assert.equal(ask('0a 49 00 00 00 50'), '00');
    assert.equal(ask('0a 48'), '0000000050');
    assert.equal(board.clock(), 0x5000_0000 * 1000);
  });
});

describe('users', () => {
  it('are shown with what they may', () => {
    const { ask } = commandRig();
    assert.deepEqual(
      ['01', '02', '03', '04', '05'].map((slot) => ask(`06 44 0e ${slot}`)),
      ['00108300'.concat('0f'), '0010430034', '0010430033', '0010430032', '00108300'.concat('0f')],
    );
    assert.equal(ask('06 46 02'), `00${Buffer.from('admin'.padEnd(16, '\0')).toString('hex')}`);
  });

  it('are tested by their password, with its length', () => {
    const { ask } = commandRig();
    const bytes = (password: string, length: number) => Buffer.from(password.padEnd(length, '\0')).toString('hex');
    assert.equal(ask(`06 47 82 03 ${bytes(USER.password, 20)}`), '00');
    assert.equal(ask(`06 47 82 03 ${bytes('wrong', 20)}`), '80');
    assert.equal(ask(`06 47 82 03 ${bytes(USER.password, 16)}`), '81');
    assert.equal(ask(`06 47 82 02 ${bytes('short', 20)}`), 'cc');
  });

  it('go when their name goes', () => {
    const { ask, board } = commandRig();
    assert.equal(ask(`06 45 04 ${'00'.repeat(16)}`), '00');
    assert.equal(board.accounts.byName(READER.username), undefined);
  });
});

it('a busy BMC says so to everything', () => {
  const { ask, faults } = commandRig();
  faults.add('unavailable');
  for (const one of ['00 01', '06 38 8e 04', '06 01']) assert.equal(ask(one), 'c0');
});

it('what no BMC knows is unknown, and what is short is short', () => {
  const { ask } = commandRig();
  assert.equal(ask('30 70'), 'c1');
  assert.equal(ask('00 02'), 'c7');
  assert.equal(ask('06 3c 01'), 'c7');
});

it('a session ends by idleness, by its own close, and its number is free again', () => {
  const { ask, service, session, pass } = commandRig();
  pass(60_000);
  assert.equal(service.sessions.byId(7), session);
  pass(1);
  assert.equal(service.sessions.byId(7), undefined);
  const next = service.sessions.open({ ...session, bmcId: 9 });
  next.level = LEVEL.administrator;
  assert.equal(ask('06 3c 08 00 00 00', next), '87');
  assert.equal(ask('06 3c 09 00 00 00', next), '00');
  assert.equal(service.sessions.list().length, 0);
});
