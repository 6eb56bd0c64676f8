import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { certificatePage } from '#services/certificates/certificate-page.ts';
import { verifyCertificate } from '#services/certificates/sign.ts';
import { canonicalJson } from '#machines/values/canonical-json.ts';
import { sampleCertificate } from './sample.ts';

describe('the page of a certificate', () => {
  it('holds what a person files: disks, method, level, samples, times, approval and signature', () => {
    const signed = sampleCertificate();
    const page = certificatePage(signed);
    const verified = verifyCertificate(signed);
    assert.ok(verified.kind === 'signed');
    for (const wanted of [
      'D1',
      'naa.5000c500a1b2c3d4',
      'PM9A3',
      '480 GB',
      'zero-overwrite',
      'Clear: what can be addressed',
      '1000 samples of 1048576 bytes, seed 7: all of them zeros',
      '1970-01-01 00:00:00 UTC',
      'anna',
      '2026-11-27 00:00:00 UTC',
      'S-sda',
      'SN-1',
      'Complete: every disk',
      'Unchanged since it was signed',
      verified.fingerprint,
      createHash('sha256').update(canonicalJson(signed.certificate)).digest('hex'),
    ])
      assert.ok(page.includes(wanted), wanted);
    assert.ok(!page.includes('Not erased'));
  });

  it('says first what was not erased, and why', () => {
    const notErased = [{ name: 'Bay 4', serial: 'HIDDEN01', because: 'a controller shows sda instead of its drives' }];
    const page = certificatePage(sampleCertificate({ notErased, complete: false }));
    assert.match(page, /Not complete: 1 erased, 1 not erased/);
    assert.match(page, /HIDDEN01[^]*a controller shows sda instead of its drives/);
  });

  it('says that it was changed', () => {
    const signed = sampleCertificate();
    const page = certificatePage({ ...signed, certificate: { ...signed.certificate, site: 'elsewhere' } });
    assert.match(page, /class="result bad">the signature does not fit/);
    assert.ok(!page.includes('Unchanged since'));
  });

  it('loads nothing, runs nothing, and text of strangers stays text', () => {
    const because = `"><script src=https://evil.example/x.js></script><img src=x onerror='a()'>`;
    const page = certificatePage(
      sampleCertificate({
        machine: { name: '<b>r1</b>', identifiers: [{ kind: 'serial', value: '</style><script>' }] },
        notErased: [{ name: '<i>', because }],
        complete: false,
      }),
    );
    assert.doesNotMatch(page, /<(?:script|img|b|i)\b/);
    assert.deepEqual(page.match(/\b(?:src|href|action)="[^"]*"/g), ['href="data:,"']);
    assert.equal(page.match(/<style>/g)?.length, 1);
    assert.doesNotMatch(page, /url\(|@import/);
  });
});
