import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { imageDocument, machineDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import {
  type AgentBoot,
  decideBootScript,
  type ScriptFirmware,
  SITUATIONS,
  type ScriptQuestion,
} from '#machines/decide/boot-script.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { ipxeSamples } from '#services/templates/ipxe-samples.ts';
import { openTemplates, type Templates } from '#services/templates/templates.ts';
import { HOSTILE_NAMES } from '#test/golden/hostile-names.ts';
import { skeleton, takeApart } from './ipxe-words.ts';

const TEMPLATES = join(import.meta.dirname, '../../../templates');
const GOLDEN = join(import.meta.dirname, '../../golden/ipxe');
/** The only way to change golden files; what changed is reviewed as code. */
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const MAC = sure(parseMacAddress('52:54:00:00:00:01'));
const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';

const image = imageDocument.parse({
  kind: 'Image',
  name: 'live',
  arch: 'x86_64',
  assets: [
    { role: 'kernel', path: '/srv/vmlinuz' },
    { role: 'initrd', path: '/srv/one' },
    { role: 'initrd', path: '/srv/two' },
  ],
});

/** `claim` stands wherever a machine or a stranger can put text of their own. */
function machineThatSays(claim: string): Machine {
  const fact = { value: claim, at: 1, source: 'ipxe' } as const;
  return {
    document: { ...machineDocument.parse({ kind: 'Machine', name: 'r1-u12', macs: [MAC] }), serial: claim },
    acceptance: 'accepted',
    service: 'none',
    locked: false,
    identifiers: { macs: [], uuids: [], serials: [claim] },
    facts: { product: fact, manufacturer: fact, hostname: fact, 'lldp.port': fact },
    rev: 1,
  };
}

const netboot = (profile: Readonly<Record<string, unknown>>, claim: string): BootPlan => ({
  kind: 'netboot',
  profile: profileDocument.parse({ kind: 'Profile', name: 'live', os: 'kernel', writes: 'none', ...profile }),
  image,
  grant: undefined,
  because: `class of ${claim}`,
});

const AGENT: AgentBoot = {
  arch: 'x86_64',
  url: 'https://192.0.2.1:8443',
  pin: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
  commandLine: 'console=tty0 console=ttyS0,115200',
};

/** One question for each situation; `{{…}}` values are the machine's own text. */
function questionsOf(claim: string): readonly Partial<ScriptQuestion>[] {
  const url = 'http://192.0.2.9/x?p={{facts.product}}&s={{machine.serial}}';
  return [
    { plan: netboot({ args: ['console=ttyS0', `c=${url}`] }, claim) },
    { plan: netboot({ os: 'agent', args: ['console=ttyS1', `c=${url}`] }, claim), agent: AGENT },
    { plan: netboot({ args: [`c=${url}`], onFailure: 'shell' }, claim) },
    { plan: { kind: 'own-disk', code: 'adopted', because: claim } },
    { plan: netboot({}, claim), loop: claim },
    { plan: { kind: 'hold', because: claim } },
    { plan: netboot({ os: 'menu' }, claim) },
    { plan: netboot({ os: 'chain', url: 'http://192.0.2.9/{{facts.product}}?s={{machine.serial}}' }, claim) },
    { plan: netboot({ os: 'script', script: `#!ipxe\necho booting\nchain ${url} || shell` }, claim) },
  ];
}

describe('boot scripts', () => {
  let templates: Templates;

  before(async () => {
    const opened = await openTemplates({ dir: TEMPLATES, samples: ipxeSamples() });
    assert.ok(opened.ok, opened.ok ? '' : opened.errors.join('\n'));
    templates = opened.templates;
  });

  function render(claim: string, firmware: ScriptFirmware, part: Partial<ScriptQuestion>) {
    const script = decideBootScript({
      plan: { kind: 'hold', because: '' },
      machine: machineThatSays(claim),
      mac: MAC,
      firmware,
      architecture: 'x86_64',
      attempt: ATTEMPT,
      bootUrl: 'http://192.0.2.1:8080',
      agent: undefined,
      log: { syslog: '192.0.2.1:514' },
      loop: undefined,
      insists: false,
      ...part,
    });
    return { situation: script.situation, text: templates.render(`ipxe/${script.situation}`, script.data) };
  }

  it('have a template and a golden file for every situation', () => {
    assert.deepEqual(
      questionsOf('x').map((part) => render('x', 'bios', part).situation),
      SITUATIONS,
    );
  });

  for (const firmware of ['bios', 'uefi', 'unknown'] as const) {
    for (const [index, situation] of SITUATIONS.entries()) {
      it(`${situation} for ${firmware} is as its golden file`, () => {
        const { text } = render('PowerEdge R650', firmware, questionsOf('PowerEdge R650')[index] ?? {});
        const path = join(GOLDEN, `${situation}-${firmware}.ipxe`);
        if (UPDATE) {
          mkdirSync(GOLDEN, { recursive: true });
          writeFileSync(path, text);
        }
        assert.equal(text, readFileSync(path, 'utf8'));
      });
    }
  }

  it('begin as iPXE wants it, jump only to labels of their own, and end', () => {
    for (const firmware of ['bios', 'uefi', 'unknown'] as const) {
      for (const part of questionsOf('x')) {
        const { text, situation } = render('x', firmware, part);
        assert.match(text, /^#!ipxe\n/);
        const lines = takeApart(text);
        const labels = lines.flatMap(({ label }) => label ?? []);
        assert.equal(new Set(labels).size, labels.length, `${situation}: a label stands twice`);
        for (const { commands } of lines) {
          for (const [name, target] of commands) {
            if (name === 'goto' && target !== '${choice}') assert.ok(labels.includes(target ?? ''), `goto ${target}`);
          }
        }
      }
    }
  });

  it('use only commands that iPXE of 2019 has', () => {
    const known =
      'boot chain choose dhcp echo exit goto imgfetch imgfree inc initrd iseq isset item kernel menu prompt sanboot set shell';
    for (const { template, data } of ipxeSamples()) {
      for (const { commands } of takeApart(templates.render(template, data))) {
        for (const [name] of commands) if (name !== undefined) assert.ok(known.split(' ').includes(name), name);
      }
    }
  });

  it('do the same whatever a machine calls itself', () => {
    for (const firmware of ['bios', 'uefi', 'unknown'] as const) {
      const tame = questionsOf('tame').map((part) => render('tame', firmware, part));
      for (const claim of HOSTILE_NAMES) {
        for (const [index, part] of questionsOf(claim).entries()) {
          const { text, situation } = render(claim, firmware, part);
          const told = `${situation} for ${firmware}, ${JSON.stringify(claim.slice(0, 40))}`;
          assert.deepEqual(skeleton(text), skeleton(tame[index]?.text ?? ''), told);
          assert.match(text, /^[\x20-\x7e\n]*$/, told);
        }
      }
    }
  });

  it('refuse a hostile value where it would have to stand as it is', () => {
    let refused = 0;
    for (const claim of HOSTILE_NAMES) {
      const { text, situation } = render(claim, 'bios', { plan: netboot({ args: ['s={{machine.serial}}'] }, 'x') });
      if (situation === 'disk') refused++;
      else assert.match(text, /^kernel \S+ s=\S* \|\| goto failed$/m, JSON.stringify(claim.slice(0, 40)));
    }
    assert.ok(refused > 40, `only ${refused} were refused`);
  });
});
