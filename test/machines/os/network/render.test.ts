import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { NetworkIntent } from '#machines/contract/network.ts';
import { renderAlpine } from '#machines/os/network/alpine.ts';
import { renderBottlerocket } from '#machines/os/network/bottlerocket.ts';
import type { Rendered } from '#machines/os/network/devices.ts';
import { ignitionFiles } from '#machines/os/network/ignition.ts';
import { renderKickstart } from '#machines/os/network/kickstart.ts';
import { renderNetplan } from '#machines/os/network/netplan.ts';
import { renderNetworkManager } from '#machines/os/network/network-manager.ts';
import { type NetworkFile, renderNetworkd } from '#machines/os/network/networkd.ts';
import { renderPreseed } from '#machines/os/network/preseed.ts';
import { renderTalosDocuments, renderTalosLegacy } from '#machines/os/network/talos.ts';
import { INTENTS } from './intents.ts';

const GOLDEN = fileURLToPath(new URL('../../../golden/network/', import.meta.url));

const shownFiles = (files: readonly NetworkFile[]): string =>
  files.map(({ path, mode, text }) => `# ${path} ${mode.toString(8)}\n${text}`).join('\n');

function shown<T>(result: Rendered<T>, text: (value: T) => string): string {
  if (result.kind === 'rendered') return text(result.value);
  return result.refusals.map(({ key, because }) => `refused ${key}: ${because}\n`).join('');
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

/** What each target gets for an intent, one after another. */
function goldenText(intent: NetworkIntent): string {
  const targets: Record<string, string> = {
    'talos 1.13': shown(renderTalosLegacy(intent), (tree) => stringify(tree)),
    'talos 1.14': shown(renderTalosDocuments(intent), (all) => all.map((one) => stringify(one)).join('---\n')),
    'net.toml': shown(renderBottlerocket(intent), ({ netToml, dns }) => `${netToml}\n# dns: ${JSON.stringify(dns)}\n`),
    'network-config': shown(renderNetplan(intent), (tree) => stringify(tree)),
    networkd: shown(renderNetworkd(intent), shownFiles),
    NetworkManager: shown(renderNetworkManager(intent), shownFiles),
    kickstart: shown(renderKickstart(intent, 'r1-u12'), lines),
    Alpine: shown(renderAlpine(intent), ({ interfaces, dns }) => lines([...interfaces, `dns: ${dns}`])),
    preseed: shown(renderPreseed(intent, 'r1-u12'), (netcfg) => lines([...netcfg.lines, ...netcfg.kernelArguments])),
  };
  return Object.entries(targets)
    .map(([target, text]) => `===== ${target} =====\n${text}`)
    .join('\n');
}

suite('an intent as every target gets it', () => {
  for (const [name, intent] of Object.entries(INTENTS)) {
    test(name, () => {
      const file = `${GOLDEN}${name}.txt`;
      const text = goldenText(intent);
      if (process.env['GOLDEN_UPDATE'] === '1') writeFileSync(file, text);
      assert.ok(existsSync(file), `${file} is not there; GOLDEN_UPDATE=1 writes it`);
      assert.equal(text, readFileSync(file, 'utf8'));
    });
  }
});

test('an Ignition file holds its text in its URL', () => {
  const [file] = ignitionFiles([{ path: '/etc/x', mode: 0o600, text: '[a]\nb=ü 100%\n' }]);
  assert.equal(file?.mode, 384);
  assert.equal(decodeURIComponent(file?.contents.source.replace(/^data:,/, '') ?? ''), '[a]\nb=ü 100%\n');
});

suite('net.toml of older releases', () => {
  for (const [name, newest, want] of [
    ['static', 2, []],
    ['static', 1, ['interfaces[0].address']],
    ['bond', 2, ['bonds[0]', 'vlans[0].address', 'vlans[0]']],
    ['dhcp', 2, ['interfaces[0].mac']],
  ] as const) {
    test(`version ${newest} of ${name}`, () => {
      const result = renderBottlerocket(INTENTS[name] as NetworkIntent, newest);
      const refused = result.kind === 'refused' ? result.refusals.map(({ key }) => key) : [];
      assert.deepEqual(new Set(refused), new Set(want.filter((key) => newest < 2 || key !== 'vlans[0].address')));
    });
  }
});
