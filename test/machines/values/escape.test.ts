import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import {
  html,
  ipxeText,
  isIpxeWord,
  logText,
  shellWord,
  terminal,
  uriComponent,
  yamlString,
} from '#machines/values/escape.ts';
import { HOSTILE_NAMES } from '#test/golden/hostile-names.ts';

const shown = (name: string) => JSON.stringify(name.slice(0, 40));
const each = (check: (name: string) => void) => {
  for (const name of HOSTILE_NAMES) check(name);
};

describe('text of strangers', () => {
  it('in an iPXE script stays words of its line', () => {
    each((name) => {
      const text = ipxeText(name);
      assert.match(text, /^[A-Za-z0-9._:/@+,=()%~_-][A-Za-z0-9 ._:/@+,=()%~_-]*$/, shown(name));
      assert.ok(text.length <= 255);
      assert.ok(!text.split(' ').some((word) => word === '' || word.startsWith('#')), shown(name));
    });
    assert.equal(ipxeText('PowerEdge R650 (rev. 2), 10% more'), 'PowerEdge R650 (rev. 2), 10% more');
  });

  it('is an iPXE word only where no blank, operator, comment, setting or line end is in it', () => {
    for (const bad of ['a b', 'a||b', ';', '#x', '${x}', 'a\\', 'a\nb', 'é', '\t']) assert.ok(!isIpxeWord(bad), bad);
    for (const good of ['S4X1-9/2', '52:54:00:00:00:01', 'a=b,c', '']) assert.ok(isIpxeWord(good), good);
  });

  it('in a URL is one component, and comes back', () => {
    each((name) => {
      const text = uriComponent(name);
      assert.match(text, /^[A-Za-z0-9._~%-]*$/, shown(name));
      assert.equal(decodeURIComponent(text), name.toWellFormed());
    });
  });

  it('in a shell is one word, and comes back', () => {
    const names = HOSTILE_NAMES.map((name) => name.replaceAll('\0', '').toWellFormed());
    const script = `for word in ${names.map(shellWord).join(' ')}; do printf '%s\\0' "$word"; done`;
    const words = execFileSync('sh', { input: script, encoding: 'utf8', maxBuffer: 1 << 22 })
      .split('\0')
      .slice(0, -1);
    assert.deepEqual(words, names);
  });

  it('in YAML is one scalar on one line, and comes back', () => {
    each((name) => {
      const text = yamlString(name);
      assert.match(text, /^[\x20-\x7e]*$/, shown(name));
      assert.deepEqual(parse(`before: 1\nname: ${text}\nafter: 2\n`), {
        before: 1,
        name: name.toWellFormed(),
        after: 2,
      });
    });
  });

  it('in HTML opens no tag, ends no attribute and names no entity but its own', () => {
    each((name) => {
      const text = html(name);
      assert.doesNotMatch(text, /[<>"']/, shown(name));
      assert.doesNotMatch(text.replace(/&#\d+;/g, ''), /&/, shown(name));
      assert.doesNotMatch(text, /[^\P{Cc}\t\n\r]/u, shown(name));
    });
    assert.equal(html('a<b & "c"'), 'a&#60;b &#38; &#34;c&#34;');
  });

  it('on a terminal moves nothing and turns nothing around', () => {
    each((name) => assert.doesNotMatch(terminal(name), /[\p{C}\u2028\u2029]/u, shown(name)));
    assert.equal(terminal('日本語 é'), '日本語 é');
    assert.equal(terminal('\u001b[2J'), '\\u001b[2J');
  });

  it('in a log is one line of bounded length', () => {
    each((name) => {
      assert.doesNotMatch(logText(name), /[\r\n]/, shown(name));
      assert.ok(logText(name).length <= 255 * 12);
    });
  });
});
