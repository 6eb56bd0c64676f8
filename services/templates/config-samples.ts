import { installerData } from '#machines/os/config/installer-data.ts';
import type { TemplateSample } from './templates.ts';

/** Every template of an installer’s answers, with as little as there can be and with all there can be. */
export function configSamples(): readonly TemplateSample[] {
  const common = { hostname: 'r1-u12', lines: [], reportUrl: 'http://192.0.2.1:8081/report/sample' };
  const least = { ...common, ...installerData.parse({}), disk: { serial: 'S1', wwn: '', bytes: 2 ** 40 } };
  const most = {
    ...least,
    ...installerData.parse({
      suite: 'bookworm',
      mirror: { url: 'http://192.0.2.2/os' },
      image: { url: 'http://192.0.2.2/os.raw.xz' },
      proxy: 'http://192.0.2.3:3128',
      packages: ['curl', 'vim'],
      sshKeys: ['ssh-ed25519 AAAA operator'],
    }),
    disk: { serial: 'S4X.1', wwn: 'naa.5002538e40a1b2c3', bytes: 2 ** 40 },
    lines: ['# an operator’s own line'],
  };
  const extra = { placeholder: '/dev/none', target: '/etc/target.ign', dns: '192.0.2.1' };
  const network = {
    preseed: ['d-i netcfg/choose_interface select auto'],
    kickstart: ['network --device=52:54:00:00:00:01 --bootproto=dhcp'],
    autoinstall: [],
    coreos: [],
    alpine: ['auto $(card 52:54:00:00:00:01)'],
  } as const;
  return (['preseed', 'kickstart', 'autoinstall', 'coreos', 'alpine'] as const).flatMap((kind) =>
    [least, most].map((data, index) => ({
      template: `config/${kind}`,
      label: index === 0 ? 'the least' : 'the most',
      data: { ...data, ...extra, eol: kind === 'preseed' ? ' \\' : '', network: network[kind] },
    })),
  );
}
