import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { VERSION } from '#machines/contract/version.ts';
import { completionScript } from '../../cli/completion/scripts.ts';
import { commandPages } from '../../cli/manual/pages.ts';
import { licensesOf } from '../release/licenses.ts';
import { layRelease, normalize } from '../release/tree.ts';

export type BuiltPackage = {
  readonly path: string;
  readonly bytes: number;
  readonly installedBytes: number;
  readonly sha256: string;
  readonly hasPage: boolean;
};

/** As Debian names what Node calls `process.arch`. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const MAINTAINER = 'Ingot maintainers <maintainers@ingot.invalid>';
const MAINTAINER_SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

/**
 * Builds `ingot_VERSION_ARCH.deb` with nothing but dpkg-deb. Two builds of one checkout are equal to the byte.
 */
export async function buildDebianPackage(options: {
  readonly root: string;
  readonly out: string;
  /** Another than package.json's, to try an upgrade. */
  readonly version?: string;
}): Promise<BuiltPackage> {
  const { root, out, version = VERSION } = options;
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`got the architecture ${process.arch}, want x64 or arm64`);
  const seconds = timeOf(root);
  const work = mkdtempSync(join(tmpdir(), 'ingot-deb-'));
  try {
    const tree = join(work, 'tree');
    const put = (path: string, content: string | Uint8Array): void => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
    };
    const copy = (from: string, to: string): void => put(to, readFileSync(join(root, from)));
    const { packages, hasPage } = await layRelease({ root, to: join(tree, 'usr/lib/ingot') });

    copy('deploy/debian/ingot.sh', 'usr/bin/ingot');
    chmodSync(join(tree, 'usr/bin/ingot'), 0o755);
    copy('deploy/debian/ingot.yaml', 'etc/ingot/ingot.yaml');
    for (const name of readdirSync(join(root, 'deploy/systemd')).sort()) {
      if (/\.(service|socket)$/.test(name) && !name.includes('-eth1'))
        copy(`deploy/systemd/${name}`, `lib/systemd/system/${name}`);
      else copy(`deploy/systemd/${name}`, `usr/share/doc/ingot/examples/${name}`);
    }
    copy('deploy/ingot.yaml', 'usr/share/doc/ingot/examples/ingot.yaml');
    const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    for (const name of guides.sort()) copy(`docs/${name}`, `usr/share/doc/ingot/${name}`);
    put('usr/share/doc/ingot/NEWS.gz', packed(readFileSync(join(root, 'CHANGELOG.md'))));
    put('usr/share/doc/ingot/changelog.gz', packed(Buffer.from(changelog(version, seconds))));
    put('usr/share/doc/ingot/copyright', copyright());
    put('usr/share/doc/ingot/third-party-licenses.gz', packed(Buffer.from(licensesOf(root, packages))));
    put(
      'usr/share/doc/ingot/nodejs-license.gz',
      packed(readFileSync(join(root, `node_modules/node-linux-${process.arch}/LICENSE`))),
    );
    put('usr/share/lintian/overrides/ingot', overrides());
    layManualPages(root, tree);
    for (const { file, text } of commandPages(new Date(seconds * 1000).toISOString().slice(0, 10)))
      put(`usr/share/man/man1/${file}.gz`, packed(Buffer.from(text)));
    put('usr/share/bash-completion/completions/ingot', completionScript('bash'));
    put('usr/share/zsh/vendor-completions/_ingot', completionScript('zsh'));
    put('usr/share/fish/vendor_completions.d/ingot.fish', completionScript('fish'));

    const installedBytes = sizeOf(tree);
    for (const name of MAINTAINER_SCRIPTS) {
      copy(`deploy/debian/maintainer/${name}`, `DEBIAN/${name}`);
      chmodSync(join(tree, 'DEBIAN', name), 0o755);
    }
    put('DEBIAN/conffiles', '/etc/ingot/ingot.yaml\n');
    put('DEBIAN/control', control({ version, architecture, installedKilobytes: Math.ceil(installedBytes / 1024) }));
    put('DEBIAN/md5sums', md5sums(tree));
    normalize(tree, seconds);

    const path = join(out, `ingot_${version}_${architecture}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zzstd', '--build', tree, path], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds), LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    return { path, bytes: statSync(path).size, installedBytes, sha256, hasPage };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Of the newest commit, so that a checkout says when it was made; without one a fixed time. */
function timeOf(root: string): number {
  const given = Number(process.env['SOURCE_DATE_EPOCH']);
  if (given > 0) return given;
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
  } catch {
    return 1_767_225_600;
  }
}

function control(of: {
  readonly version: string;
  readonly architecture: string;
  readonly installedKilobytes: number;
}): string {
  return `Package: ingot
Version: ${of.version}
Architecture: ${of.architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${of.installedKilobytes}
Depends: adduser, libc6 (>= 2.28), libgcc-s1, libstdc++6
Recommends: ipxe
Suggests: age, xz-utils, qemu-utils
Section: admin
Priority: optional
Description: bare-metal provisioning in one daemon
 Ingot takes a rack from power-on to running machines and back to clean
 metal: DHCP (as a server or beside one, as a proxy), TFTP, HTTP boot,
 machine configuration, images, BMCs, and a boot that says why it failed.
 .
 After installation nothing is started: say in /etc/ingot/ingot.yaml which
 network it serves, then enable ingot.service.
`;
}

/** As `date -R` writes it, in UTC. */
const rfc2822 = (seconds: number): string => new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');

const changelog = (version: string, seconds: number): string => `ingot (${version}) unstable; urgency=medium

  * What changed is in NEWS.gz.

 -- ${MAINTAINER}  ${rfc2822(seconds)}
`;

const copyright = (): string => `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ingot

Files: *
Copyright: Ingot's contributors
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
Comment:
 Packages whose code is part of the programs, with their licences:
 /usr/share/doc/ingot/third-party-licenses.gz. The runtime, Node.js, and
 what is in it: /usr/share/doc/ingot/nodejs-license.gz.
`;

/** Each with its reason. */
const overrides = (): string => `# The runtime is Node.js as its project builds it: statically linked, by design.
ingot: embedded-library
# Natives are loaded by Node, which exports what they need.
ingot: library-not-linked-against-libc
ingot: shared-library-lacks-prerequisites
# Parts of Node's own build.
ingot: hardening-no-fortify-functions
ingot: hardening-no-pie
`;

function layManualPages(root: string, tree: string): void {
  const folder = join(root, 'docs/man');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).sort()) {
    const section = /\.([1-8])$/.exec(name)?.[1];
    if (section === undefined) continue;
    const to = join(tree, `usr/share/man/man${section}`);
    mkdirSync(to, { recursive: true });
    const source = join(folder, name);
    if (lstatSync(source).isSymbolicLink()) symlinkSync(`${name}.gz`, join(to, `${name}.gz`));
    else writeFileSync(join(to, `${name}.gz`), packed(readFileSync(source)));
  }
}

const packed = (content: Uint8Array): Uint8Array => gzipSync(content, { level: 9 });

function filesOf(tree: string): readonly string[] {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
    .sort();
}

/** As du counts: whole blocks. */
const sizeOf = (tree: string): number =>
  filesOf(tree).reduce((sum, path) => sum + Math.ceil(statSync(join(tree, path)).size / 4096) * 4096, 0);

const md5sums = (tree: string): string =>
  filesOf(tree)
    .filter((path) => !path.startsWith('DEBIAN/') && path !== 'etc/ingot/ingot.yaml')
    .map(
      (path) =>
        `${createHash('md5')
          .update(readFileSync(join(tree, path)))
          .digest('hex')}  ${path}\n`,
    )
    .join('');
