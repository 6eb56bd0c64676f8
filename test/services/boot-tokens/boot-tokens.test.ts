import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { BOOT_TOKEN_FILE } from '#machines/contract/agent.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { openBootTokens } from '#services/boot-tokens/boot-tokens.ts';
import { JOB_TOKEN_MS, SESSION_SILENCE_MS, TOKEN_MS } from '#services/boot-tokens/decide/boot-key.ts';
import { tokenArchive } from '#services/boot-tokens/token-archive.ts';
import { decodeNewc } from '#services/images/wire/newc.ts';

const MAC = sure(parseMacAddress('52:54:00:00:00:01'));
const SECOND_CARD = sure(parseMacAddress('52:54:00:00:00:02'));
const STRANGER = sure(parseMacAddress('52:54:00:00:00:99'));
const ADDRESS = sure(parseIpv4('192.0.2.12'));
const OTHER = sure(parseIpv4('192.0.2.13'));
const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const NEXT = 'BBBBBBBBBBBBBBBBBBBBBB';
const LEASED = { kind: 'leased', mac: MAC } as const;

const OURS: readonly MacAddress[] = [MAC, SECOND_CARD];
const isOwn = (mac: MacAddress, own: MacAddress): boolean => mac === own || (OURS.includes(mac) && OURS.includes(own));

async function world() {
  const kept = new Map<string, string>();
  const clock = { now: 1_000_000 };
  const vault = {
    read: async (name: string) => kept.get(name),
    write: async (name: string, text: string) => void kept.set(name, text),
    remove: async (name: string) => kept.delete(name),
    names: async (prefix: string) => [...kept.keys()].filter((name) => name.startsWith(prefix)),
  };
  const open = () =>
    openBootTokens({ vault, random: randomBytes, now: () => clock.now, failed: (error) => assert.fail(String(error)) });
  const tokens = await open();
  const issued = async (attempt = ATTEMPT, forJob = false, mac = MAC): Promise<string> => {
    const made = await tokens.issue({ attempt, mac, forJob });
    assert.ok(made.kind === 'issued', made.kind);
    return made.token;
  };
  return { kept, clock, open, tokens, issued };
}

const present = { attempt: ATTEMPT, address: ADDRESS, port: 50_000, holding: LEASED, isOwn };

describe('boot tokens by which configuration is read', () => {
  const use = { address: ADDRESS, holding: LEASED, isOwn };

  it('may be shown as often as the machine likes, and open no session', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    for (const _again of [1, 2]) {
      assert.deepEqual(await tokens.use({ token, ...use }), { kind: 'taken', attempt: ATTEMPT, mac: MAC });
    }
    assert.equal(tokens.session(token, ADDRESS), undefined);
  });

  it('are void for good once a second address shows them', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    await tokens.use({ token, ...use });
    assert.equal((await tokens.use({ token, ...use, address: OTHER })).kind, 'voided');
    assert.equal((await tokens.use({ token, ...use })).kind, 'refused');
    assert.equal((await tokens.present({ token, ...present })).kind, 'refused');
  });

  it('keep their address over a restart', async () => {
    const { tokens, issued, open } = await world();
    const token = await issued();
    await tokens.use({ token, ...use });
    assert.equal((await (await open()).use({ token, ...use, address: OTHER })).kind, 'voided');
  });

  it('end with their time, and with a later boot of the machine', async () => {
    const { tokens, issued, clock } = await world();
    const token = await issued();
    clock.now += 1000;
    const later = await issued(NEXT);
    assert.equal((await tokens.use({ token: later, ...use })).kind, 'taken');
    assert.equal((await tokens.use({ token, ...use })).kind, 'refused');
    clock.now += TOKEN_MS + 1;
    assert.equal((await tokens.use({ token: later, ...use })).kind, 'refused');
  });

  it('are nothing to a machine that does not hold the address, and to who guesses', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    const by = (mac: MacAddress | undefined) => ({ ...use, holding: { kind: 'leased', mac } as const });
    assert.equal((await tokens.use({ token, ...by(STRANGER) })).kind, 'refused');
    assert.equal((await tokens.use({ token, ...by(undefined) })).kind, 'refused');
    assert.equal((await tokens.use({ token: `ingot_${'A'.repeat(43)}`, ...use })).kind, 'unknown');
    assert.equal((await tokens.use({ token: '../../etc', ...use })).kind, 'unknown');
    assert.equal((await tokens.use({ token, ...use })).kind, 'taken');
  });
});

describe('boot tokens', () => {
  it('are the same when the same boot asks again, and no two boots have the same', async () => {
    const { issued } = await world();
    const token = await issued();
    assert.equal(await issued(), token);
    assert.notEqual(await issued(NEXT), token);
  });

  it('open a session that works from that address only', async () => {
    const { tokens, issued } = await world();
    const opened = await tokens.present({ token: await issued(), ...present });
    assert.ok(opened.kind === 'opened');
    assert.deepEqual(tokens.session(opened.session, ADDRESS), {
      attempt: ATTEMPT,
      mac: MAC,
      address: ADDRESS,
      port: 50_000,
    });
    assert.equal(tokens.session(opened.session, OTHER), undefined);
    assert.equal(tokens.session('ingot_nonsense', ADDRESS), undefined);
  });

  it('may be presented again from there, and the session before ends', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    const first = await tokens.present({ token, ...present });
    const second = await tokens.present({ token, ...present });
    assert.ok(first.kind === 'opened' && second.kind === 'opened');
    assert.equal(tokens.session(first.session, ADDRESS), undefined);
    assert.ok(tokens.session(second.session, ADDRESS));
  });

  it('are void for all as soon as a second address has one', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    const opened = await tokens.present({ token, ...present });
    assert.ok(opened.kind === 'opened');
    const stolen = await tokens.present({ token, ...present, address: OTHER });
    assert.equal(stolen.kind, 'voided');
    assert.equal(tokens.session(opened.session, ADDRESS), undefined);
    assert.equal((await tokens.present({ token, ...present })).kind, 'refused');
    assert.equal((await tokens.issue({ attempt: ATTEMPT, mac: MAC, forJob: false })).kind, 'refused');
  });

  it('of a leased network need the lease of that machine, whichever of its cards has it', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    const by = (mac: MacAddress | undefined) => ({ ...present, holding: { kind: 'leased', mac } as const });
    assert.equal((await tokens.present({ token, ...by(undefined) })).kind, 'refused');
    assert.equal((await tokens.present({ token, ...by(STRANGER) })).kind, 'refused');
    assert.equal((await tokens.present({ token, ...by(SECOND_CARD) })).kind, 'opened');
  });

  it('of a network that another server leases need nobody else to hold the address', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    const by = (mac: MacAddress | undefined) => ({ ...present, holding: { kind: 'elsewhere', mac } as const });
    assert.equal((await tokens.present({ token, ...by(STRANGER) })).kind, 'refused');
    assert.equal((await tokens.present({ token, ...by(undefined) })).kind, 'opened');
  });

  it('are unknown for another attempt, and so is what is none of ours', async () => {
    const { tokens, issued } = await world();
    const token = await issued();
    assert.equal((await tokens.present({ token, ...present, attempt: NEXT })).kind, 'unknown');
    assert.equal((await tokens.present({ token: `${token}x`, ...present })).kind, 'unknown');
  });

  it('end after a quarter of an hour, with a job after three hours; a session outlives them', async () => {
    const { tokens, issued, clock } = await world();
    const token = await issued();
    const forJob = await issued(NEXT, true);
    clock.now += TOKEN_MS + 1;
    assert.equal((await tokens.present({ token, ...present })).kind, 'refused');
    assert.equal((await tokens.issue({ attempt: ATTEMPT, mac: MAC, forJob: false })).kind, 'refused');
    const opened = await tokens.present({ token: forJob, ...present, attempt: NEXT });
    assert.ok(opened.kind === 'opened');
    clock.now += JOB_TOKEN_MS + 1;
    assert.ok(tokens.session(opened.session, ADDRESS));
    clock.now += SESSION_SILENCE_MS + 1;
    assert.equal(tokens.session(opened.session, ADDRESS), undefined);
  });

  it('of the machine’s next boot end the session of the one before', async () => {
    const { tokens, issued } = await world();
    const before = await tokens.present({ token: await issued(), ...present });
    const token = await issued(NEXT, false, SECOND_CARD);
    const after = await tokens.present({ token, ...present, attempt: NEXT });
    assert.ok(before.kind === 'opened' && after.kind === 'opened');
    assert.equal(tokens.session(before.session, ADDRESS), undefined);
    assert.ok(tokens.session(after.session, ADDRESS));
  });

  it('and their sessions outlive a restart, and no secret is kept', async () => {
    const { tokens, issued, open, kept, clock } = await world();
    const token = await issued();
    const opened = await tokens.present({ token, ...present });
    assert.ok(opened.kind === 'opened');
    for (const text of kept.values()) {
      assert.ok(!text.includes(token) && !text.includes(opened.session));
    }
    // The daemon was away for two days.
    clock.now += 2 * SESSION_SILENCE_MS;
    assert.equal((await open()).session(opened.session, ADDRESS), undefined);
    // An erasure goes on for two days, and the daemon is restarted for an hour in it.
    const other = await world();
    const early = await other.tokens.present({ token: await other.issued(), ...present });
    assert.ok(early.kind === 'opened');
    for (let hour = 0; hour < 48; hour++) {
      other.clock.now += 3600_001;
      assert.ok(other.tokens.session(early.session, ADDRESS));
    }
    await other.tokens.void(NEXT, 'waits for its turn');
    other.clock.now += 3600_000;
    assert.ok((await other.open()).session(early.session, ADDRESS));
  });

  it('are all void after a restore', async () => {
    const { tokens, issued, kept } = await world();
    const token = await issued();
    assert.equal(await tokens.voidAll(), 1);
    assert.equal((await tokens.present({ token, ...present })).kind, 'unknown');
    assert.equal(kept.size, 0);
  });

  it('travel in an archive that root alone can read', () => {
    const bytes = tokenArchive('ingot_secret');
    assert.equal(bytes.length % 4, 0);
    assert.equal(tokenArchive('ingot_zzzzzz').length, bytes.length);
    const read = decodeNewc(bytes);
    assert.ok(read.kind === 'archive');
    const file = read.entries.find(({ path }) => `/${path}` === BOOT_TOKEN_FILE);
    assert.ok(file?.kind === 'file');
    assert.equal(file.mode, 0o400);
    assert.equal(file.uid, 0);
    assert.equal(new TextDecoder().decode(file.content), 'ingot_secret\n');
    assert.deepEqual(
      read.entries.filter(({ kind }) => kind === 'folder').map(({ path }) => path),
      ['etc', 'etc/ingot'],
    );
  });
});
