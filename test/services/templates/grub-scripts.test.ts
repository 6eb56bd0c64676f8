import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { imageDocument, machineDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { decideBootScript, GRUB_SITUATIONS, type ScriptQuestion } from '#machines/decide/boot-script.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { grubSamples } from '#services/templates/grub-samples.ts';
import { openTemplates, type Templates } from '#services/templates/templates.ts';
import { HOSTILE_NAMES } from '#test/golden/hostile-names.ts';
import { need } from '#test/lab/need.ts';

const TEMPLATES = join(import.meta.dirname, '../../../templates');
const GOLDEN = join(import.meta.dirname, '../../golden/grub');
/** The only way to change golden files; what changed is reviewed as code. */
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const MAC = sure(parseMacAddress('52:54:00:00:00:01'));

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
    facts: { product: fact },
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

/** One question for each situation; `{{…}}` values are the machine's own text. */
function questionsOf(claim: string): readonly Partial<ScriptQuestion>[] {
  const url = 'http://192.0.2.9/x?p={{facts.product}}&s={{machine.serial}}';
  const agent = {
    arch: 'x86_64',
    url: 'https://192.0.2.1:8443',
    pin: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
    commandLine: 'console=tty0',
  } as const;
  return [
    { plan: netboot({ args: ['console=ttyS0', `c=${url}`, "quoted='a;b'", 'ds=nocloud;s=http://x/$y'] }, claim) },
    { plan: netboot({ os: 'agent', args: ['console=ttyS1'] }, claim), agent },
    { plan: netboot({ args: [`c=${url}`], onFailure: 'shell' }, claim) },
    { plan: { kind: 'own-disk', code: 'adopted', because: claim } },
    { plan: netboot({}, claim), loop: claim },
    { plan: { kind: 'hold', because: claim } },
  ];
}

describe('configurations for GRUB', () => {
  let templates: Templates;

  before(async () => {
    const opened = await openTemplates({ dir: TEMPLATES, samples: grubSamples() });
    assert.ok(opened.ok, opened.ok ? '' : opened.errors.join('\n'));
    templates = opened.templates;
  });

  function render(claim: string, part: Partial<ScriptQuestion>) {
    const script = decideBootScript({
      reader: 'grub',
      plan: { kind: 'hold', because: '' },
      machine: machineThatSays(claim),
      mac: MAC,
      firmware: 'uefi',
      architecture: 'x86_64',
      attempt: 'AAAAAAAAAAAAAAAAAAAAAA',
      bootUrl: 'http://192.0.2.1:8080',
      agent: undefined,
      log: {},
      loop: undefined,
      insists: false,
      ...part,
    });
    return { situation: script.situation, text: templates.render(`grub/${script.situation}`, script.data) };
  }

  for (const [index, situation] of GRUB_SITUATIONS.entries()) {
    it(`${situation} is as its golden file`, () => {
      const rendered = render('PowerEdge R650', questionsOf('PowerEdge R650')[index] ?? {});
      assert.equal(rendered.situation, situation);
      const path = join(GOLDEN, `${situation}.cfg`);
      if (UPDATE) {
        mkdirSync(GOLDEN, { recursive: true });
        writeFileSync(path, rendered.text);
      }
      assert.equal(rendered.text, readFileSync(path, 'utf8'));
    });
  }

  it('go on to the machine’s own disk where a profile needs an iPXE', () => {
    const profiles = [{ os: 'menu' }, { os: 'chain', url: 'http://192.0.2.9/x' }, { os: 'script', script: 'exit' }];
    for (const profile of profiles) assert.equal(render('x', { plan: netboot(profile, 'x') }).situation, 'disk');
  });

  it('do the same whatever a machine calls itself', () => {
    const tame = questionsOf('tame').map((part) => skeleton(render('tame', part).text));
    for (const claim of HOSTILE_NAMES) {
      for (const [index, part] of questionsOf(claim).entries()) {
        const { text, situation } = render(claim, part);
        const told = `${situation}, ${JSON.stringify(claim.slice(0, 40))}`;
        assert.equal(skeleton(text), tame[index], told);
        assert.match(text, /^[\x20-\x7e\n]*$/, told);
      }
    }
  });

  it('are understood by GRUB’s own parser', (t) => {
    const tools = need(t, ['grub-script-check']);
    if (!tools) return;
    const texts = [
      templates.render('grub/start', {}),
      ...['x', ...HOSTILE_NAMES.slice(0, 20)].flatMap((claim) =>
        questionsOf(claim).map((part) => render(claim, part).text),
      ),
    ];
    for (const input of texts) execFileSync(tools['grub-script-check'], { input, stdio: ['pipe', 'pipe', 'pipe'] });
    assert.throws(
      () => execFileSync(tools['grub-script-check'], { input: "echo 'x\n", stdio: 'pipe' }),
      'it refuses what is wrong',
    );
  });
});

/** What GRUB acts by: without comments, and without what stands between single quotes. */
const skeleton = (text: string): string => text.replaceAll(/^#.*$/gm, '#').replaceAll(/'[^']*'/g, "''");
