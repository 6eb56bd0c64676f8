import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inventory } from '#machines/contract/inventory.ts';
import type { Role } from '#machines/contract/api/role.ts';
import type { Plan } from '#machines/contract/job.ts';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { makePlan } from '#machines/decide/jobs/make-plan.ts';
import { sampleCertificate } from '#test/services/certificates/sample.ts';
import { runningApi } from './running-api.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };

type Api = Awaited<ReturnType<typeof runningApi>>;

const UUID = '4c4c4544-0044-4d10-8052-b1c04f4e5931';

async function inApi(work: (api: Api) => Promise<void>): Promise<void> {
  await using api = await runningApi();
  await work(api);
}

async function withMachines(api: Api, names: readonly string[], signatures: readonly string[] = []): Promise<void> {
  for (const [index, name] of names.entries()) {
    const mac = `52:54:00:00:01:0${index}`;
    await api.send('PUT', `/api/v1/machines/${name}`, { kind: 'Machine', name, macs: [mac] });
    await api.store.inventories.put(
      name,
      inventory.parse({
        source: 'agent',
        at: api.clock.now,
        system: { uuid: UUID.replace(/.$/, String(index)), serial: `S${index}` },
        nics: [{ mac }],
        disks: [{ name: 'sda', serial: `D${index}`, bytes: 1 << 30, signatures }],
      }),
    );
  }
}

async function withProfile(api: Api): Promise<void> {
  const asset = { role: 'disk', url: 'http://192.0.2.1/debian.img', sha256: 'f'.repeat(64) };
  const documents = [
    { kind: 'Image', name: 'debian', arch: 'x86_64', assets: [asset] },
    { kind: 'Profile', name: 'debian', os: 'image', image: 'debian' },
  ];
  for (const one of documents) {
    const answer = await api.send('PUT', `/api/v1/${one.kind.toLowerCase()}s/${one.name}`, one);
    assert.equal(answer.status, 200, await answer.text());
  }
}

const planned = async (api: Api, body: unknown): Promise<PlanAnswer> => {
  const answer = await api.send('POST', '/api/v1/plans', body);
  assert.equal(answer.status, 201, await answer.clone().text());
  return (await answer.json()) as PlanAnswer;
};
const start = (api: Api, plans: readonly Plan[], more: object = {}) =>
  api.send('POST', '/api/v1/jobs', {
    jobs: plans.map(({ kind, machine, id, digest }) => ({ kind, machine, plan: { id, digest }, ...more })),
  });

describe('plans and jobs over the API', () => {
  it('a plan names the disk by its serial, and its job is begun by id and digest, once', () =>
    inApi(async (api) => {
      await withMachines(api, ['a']);
      const { items, ceremony } = await planned(api, { kind: 'wipe', machines: ['a'] });
      assert.equal(ceremony, 'yes');
      assert.deepEqual(
        items[0]?.disks.map(({ serial, act }) => [serial, act]),
        [['D0', 'wipe']],
      );
      const answer = await start(api, items);
      assert.equal(answer.status, 201, await answer.clone().text());
      const { items: jobs } = (await answer.json()) as { items: { id: string; state: string }[] };
      assert.equal(jobs[0]?.state, 'queued');
      const again = await start(api, items);
      assert.equal(again.status, 409);
      assert.match(await again.text(), /confirmed already/);
    }));

  it('a plan is confirmed once by requests at the same time, and by one that names it twice', () =>
    inApi(async (api) => {
      await withMachines(api, ['a']);
      const { items } = await planned(api, { kind: 'wipe', machines: ['a'] });
      const answers = await Promise.all([start(api, items), start(api, items), start(api, items)]);
      assert.deepEqual(
        answers.map(({ status }) => status).toSorted((one, other) => one - other),
        [201, 409, 409],
      );
      assert.equal((await api.jobs.list({ limit: 10 })).length, 1);
      const other = (await planned(api, { kind: 'wipe', machines: ['a'] })).items;
      assert.equal((await start(api, [...other, ...other])).status, 409);
      assert.equal((await api.jobs.list({ limit: 10 })).length, 1);
    }));

  it('nothing begins under another digest, without a plan, or for another machine', () =>
    inApi(async (api) => {
      await withMachines(api, ['a', 'b']);
      const [plan] = (await planned(api, { kind: 'wipe', machines: ['a'] })).items;
      assert.ok(plan);
      assert.equal((await start(api, [{ ...plan, digest: 'f'.repeat(64) }])).status, 409);
      assert.equal((await start(api, [{ ...plan, machine: 'b' }])).status, 409);
      const none = await api.send('POST', '/api/v1/jobs', { jobs: [{ kind: 'wipe', machine: 'a' }] });
      assert.equal(none.status, 400);
      assert.match(await none.text(), /jobs\[0\]\.plan/);
      assert.deepEqual(await api.jobs.list({ limit: 10 }), []);
    }));

  it('one refusal holds up all of the request', () =>
    inApi(async (api) => {
      await withMachines(api, ['a', 'b']);
      const { items } = await planned(api, { kind: 'wipe', machines: ['a', 'b'] });
      await api.request('/api/v1/machines/b/actions/lock', { method: 'POST' });
      const answer = await start(api, items);
      assert.equal(answer.status, 409);
      assert.match(await answer.text(), /b: it is locked/);
      assert.deepEqual(await api.jobs.list({ limit: 10 }), []);
    }));

  it('a signature that may be shared needs an acknowledgement by serial', () =>
    inApi(async (api) => {
      await withMachines(api, ['a'], ['zfs_member']);
      const { items, ceremony } = await planned(api, { kind: 'wipe', machines: ['a'] });
      assert.equal(ceremony, 'count');
      const without = await start(api, items);
      assert.equal(without.status, 409);
      assert.match(await without.text(), /--acknowledge D0/);
      assert.equal((await start(api, items, { acknowledge: ['D0'] })).status, 201);
    }));

  it('what has changed since the plan was shown voids it', () =>
    inApi(async (api) => {
      await withMachines(api, ['a']);
      const { items } = await planned(api, { kind: 'wipe', machines: ['a'] });
      await api.send(
        'PATCH',
        '/api/v1/machines/a',
        { disks: { keep: ['D0'] } },
        {
          'content-type': 'application/merge-patch+json',
        },
      );
      const answer = await start(api, items);
      assert.equal(answer.status, 409, await answer.clone().text());
    }));

  it('a site that wants two persons: two of them say yes to the same plan, one an approver; a look at it is no yes', async () => {
    await using api = await runningApi({ secondApprover: true });
    await withMachines(api, ['a']);
    const asked = { kind: 'wipe', machines: ['a'] };
    const as = async (user: string, role: Role) => {
      await api.users.create({ name: user, role });
      const { key: by } = await api.access.openSession({ name: user, role, user });
      const token = async (name: string) => (await api.access.createToken({ name, role, by })).secret;
      const send = async (secret: string, path: string, body: unknown) =>
        await api.send('POST', path, body, { authorization: `Bearer ${secret}` });
      const [one, other] = [await token(`${user}-1`), await token(`${user}-2`)];
      return {
        look: async () => ((await (await send(one, '/api/v1/plans', asked)).json()) as PlanAnswer).items,
        start: async (plans: readonly Plan[], secret = one) =>
          await send(secret, '/api/v1/jobs', {
            jobs: plans.map(({ kind, machine, id, digest }) => ({ kind, machine, plan: { id, digest } })),
          }),
        other,
      };
    };
    const [anna, ben, carl] = [await as('anna', 'operator'), await as('ben', 'approver'), await as('carl', 'operator')];

    await anna.look();
    const first = await ben.start(await ben.look());
    assert.equal(first.status, 409, 'that anna has looked at it is no yes of hers');
    assert.match(await first.text(), /asked for by ben.*another person/);
    assert.equal((await ben.start(await ben.look(), ben.other)).status, 409, 'two tokens of one person are one person');
    const plans = await anna.look();
    const done = await anna.start(plans);
    assert.equal(done.status, 201, await done.clone().text());
    const [job] = await api.jobs.list({ limit: 1 });
    assert.deepEqual([job?.by, job?.confirmed?.by], ['ben-1', 'anna-1']);
    assert.equal((await anna.start(plans)).status, 409, 'what was confirmed is spent');

    const again = await anna.start(await anna.look());
    assert.match(await again.text(), /so an approver confirms it before it begins.*approver: ingot wipe a --confirm/);
    assert.equal((await carl.start(await carl.look())).status, 409, 'two operators are not enough');
    assert.equal((await ben.start(await ben.look())).status, 201);
    const entries = (await api.audit()).filter(({ action }) => action === 'askForJobs' || action === 'startJobs');
    assert.deepEqual(
      entries.map(({ who, action }) => `${who} ${action}`),
      [
        'ben-1 askForJobs',
        'ben-2 askForJobs',
        'anna-1 startJobs',
        'anna-1 askForJobs',
        'carl-1 askForJobs',
        'ben-1 startJobs',
      ],
    );
  });

  it('tokens that belong to no user go back to the operator token: together they are one person', async () => {
    await using api = await runningApi({ secondApprover: true });
    await withMachines(api, ['a']);
    const { items } = await planned(api, { kind: 'wipe', machines: ['a'] });
    assert.equal((await start(api, items)).status, 409);
    const [plan] = items;
    assert.ok(plan);
    const jobs = [{ kind: plan.kind, machine: plan.machine, plan: { id: plan.id, digest: plan.digest } }];
    const other = { authorization: `Bearer ${api.tokens.approver}` };
    assert.equal((await api.send('POST', '/api/v1/jobs', { jobs }, other)).status, 409);
    assert.deepEqual(await api.jobs.list({ limit: 1 }), []);
  });

  it('a standing approval confirms by itself what it covers: blank disks, its class and profile, so often, until then', async () => {
    await using api = await runningApi({
      planFor: async ({ kind, machine: name, profile }) => {
        const machine = api.registry.machine(name) ?? assert.fail(name);
        const [found] = await api.store.inventories.latest(name);
        const image = { name: profile ?? 'none', image: 'debian', imageSha256: 'f'.repeat(64), bytes: 1 };
        const sharedWwns = new Set<string>();
        assert.ok(kind !== 'upgrade' && kind !== 'rollback');
        return {
          kind: 'done',
          value: makePlan({ kind, machine, inventory: found, profile: image, sharedWwns, now: 0 }),
        };
      },
    });
    await withMachines(api, ['a', 'b', 'c', 'd', 'used']);
    const [blank] = await api.store.inventories.latest('used');
    assert.ok(blank);
    const disks = blank.disks.map((disk) => ({ ...disk, signatures: ['ext4'] }));
    await api.store.inventories.put('used', { ...blank, disks });
    for (const name of ['a', 'b', 'c', 'used']) {
      await api.send('PATCH', `/api/v1/machines/${name}`, { labels: { rack: 'r1' } }, MERGE);
    }
    await withProfile(api);
    const as = (role: Role) => ({ authorization: `Bearer ${api.tokens[role]}` });
    const wanted = { profile: 'debian', label: 'rack=r1', machines: 2, days: 7 };
    const approve = (body: object, role: Role = 'approver') => api.send('POST', '/api/v1/approvals', body, as(role));
    assert.equal((await approve(wanted, 'operator')).status, 403);
    assert.equal((await approve({ ...wanted, label: undefined })).status, 400, 'for all machines is none');
    assert.equal((await approve({ ...wanted, profile: 'none' })).status, 400);
    const made = await approve(wanted);
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as { id: string };
    const install = (...machines: readonly string[]) =>
      api.send(
        'POST',
        '/api/v1/jobs',
        { jobs: machines.map((machine) => ({ kind: 'install', machine, approval: id })) },
        as('operator'),
      );
    const because = async (answer: Promise<Response>): Promise<string> => {
      const { status, ...rest } = await answer.then(async (one) => ({ status: one.status, text: await one.text() }));
      assert.equal(status, 409, rest.text);
      return rest.text;
    };
    assert.match(await because(install('used')), /used: disk sda \(D4\) is not blank: ext4/);
    const gaps = ['sda: what is on it could not be read: EIO'];
    await api.store.inventories.put('used', { ...blank, gaps });
    assert.match(await because(install('used')), /nobody knows its disks to be blank: sda: what is on it/);
    assert.match(await because(install('a', 'd')), /d is none/);
    assert.match(await because(install('a', 'a')), /named twice/);
    assert.match(await because(install('a', 'b', 'c')), /for 2 jobs, and 2 are left of it/);
    assert.deepEqual(await api.jobs.list({ limit: 1 }), [], 'one that is not covered holds up all of them');
    const wipe = { jobs: [{ kind: 'wipe', machine: 'a', approval: id }] };
    assert.match(await because(api.send('POST', '/api/v1/jobs', wipe)), /is for install/);

    assert.equal((await install('a')).status, 201);
    const [job] = await api.jobs.list({ limit: 1 });
    assert.deepEqual([job?.by, job?.confirmed?.by, job?.confirmed?.approval], ['a-operator', 'a-approver', id]);
    assert.match(await because(install('a')), /nobody knows its disks to be blank: its install .* is not over/);
    assert.equal(job?.confirmed?.digest, job?.plan?.digest);
    const both = await Promise.all([install('b'), install('c')]);
    assert.deepEqual(
      both.map(({ status }) => status).toSorted((one, other) => one - other),
      [201, 409],
      'the last one is taken once',
    );
    const listed = async (): Promise<string> => (await api.request('/api/v1/approvals')).text();
    assert.match(await listed(), /"state":"used-up","left":0/);

    const more = (await (await approve({ ...wanted, machines: 9 })).json()) as { id: string };
    api.clock.now += 7 * 86_400_000;
    const late = { jobs: [{ kind: 'install', machine: 'c', approval: more.id }] };
    assert.match(await because(api.send('POST', '/api/v1/jobs', late)), /was good until/);
    const third = (await (await approve(wanted)).json()) as { id: string };
    const end = await api.request(`/api/v1/approvals/${third.id}/end`, { method: 'POST', headers: as('operator') });
    assert.equal(end.status, 200);
    const ended = { jobs: [{ kind: 'install', machine: 'c', approval: third.id }] };
    assert.match(await because(api.send('POST', '/api/v1/jobs', ended)), /was ended by a-operator/);
    const actions = (await api.audit()).filter(({ action }) => /Approval|startJobs/.test(action));
    assert.deepEqual(
      actions.map(({ who, action }) => `${who} ${action}`),
      ['createApproval', 'startJobs', 'startJobs', 'createApproval', 'createApproval', 'endApproval'].map((action) =>
        action === 'createApproval' ? `a-approver ${action}` : `a-operator ${action}`,
      ),
    );
  });

  it('nobody begins by their own approval where a site wants two persons, and none is worth more than who gave it', async () => {
    await using api = await runningApi({ secondApprover: true });
    await withMachines(api, ['a']);
    await withProfile(api);
    const body = { profile: 'debian', label: '!none', machines: 1, days: 1 };
    const begin = (id: string) =>
      api.send('POST', '/api/v1/jobs', { jobs: [{ kind: 'install', machine: 'a', approval: id }] });
    const own = (await (await api.send('POST', '/api/v1/approvals', body)).json()) as { id: string };
    assert.match(await (await begin(own.id)).text(), /wants two persons, and approval .* own/);
    await api.users.create({ name: 'ben', role: 'approver' });
    const { key } = await api.access.openSession({ name: 'ben', role: 'approver', user: 'ben' });
    const { secret } = await api.access.createToken({ name: 'ben', role: 'approver', by: key });
    const answer = await api.send('POST', '/api/v1/approvals', body, { authorization: `Bearer ${secret}` });
    const bens = (await answer.json()) as { id: string };
    assert.match(await (await begin(bens.id)).text(), /image debian is not here/, 'it would cover it');
    await api.users.change('ben', { role: 'operator' });
    assert.match(await (await begin(bens.id)).text(), /was given by ben, who is no approver any more/);
    await api.users.change('ben', { role: 'approver', scope: 'rack=r9' });
    assert.match(await (await begin(bens.id)).text(), /ben, who has the scope rack=r9, and a is not in it/);
    await api.users.remove('ben');
    api.clock.now += 1;
    await api.users.create({ name: 'ben', role: 'approver' });
    assert.match(await (await begin(bens.id)).text(), /no approver any more/, 'another ben');
  });

  it('an hour later the plan is void', () =>
    inApi(async (api) => {
      await withMachines(api, ['a']);
      const { items } = await planned(api, { kind: 'wipe', machines: ['a'] });
      api.clock.now += 60 * 60_000 + 1;
      assert.equal((await start(api, items)).status, 409);
    }));

  it('five at once wait half a minute; four do not', () =>
    inApi(async (api) => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      await withMachines(api, names);
      const five = await planned(api, { kind: 'wipe', machines: names });
      assert.deepEqual([five.ceremony, five.waitSeconds], ['count', 30]);
      await start(api, five.items);
      const [job] = await api.jobs.list({ limit: 1 });
      assert.equal(job?.notes['holdUntil'], String(api.clock.now + 30_000));
    }));

  it('a certificate is listed, and served as JSON and as a page that may load nothing', () =>
    inApi(async (api) => {
      await withMachines(api, ['a', 'b']);
      const answer = await api.send('POST', '/api/v1/jobs', {
        jobs: ['a', 'b'].map((machine) => ({ kind: 'inspect', machine })),
      });
      const { items: jobs } = (await answer.json()) as { items: { id: string }[] };
      const id = jobs[0]?.id ?? '';
      assert.equal((await api.request(`/api/v1/jobs/${id}/certificate.html`)).status, 404);
      await api.jobs.cancel(id, 'test');
      const ended = (await api.store.jobs.get(id)) ?? assert.fail('no job');
      const signed = sampleCertificate({ machine: { name: 'a', identifiers: [] } });
      await api.store.jobs.put({ ...ended, notes: { certificate: JSON.stringify(signed) } }, ended.rev);
      const list = (await (await api.request('/api/v1/certificates')).json()) as { items: Record<string, unknown>[] };
      assert.equal(list.items.length, 1);
      const [one = {}] = list.items;
      assert.deepEqual([one['machine'], one['complete'], one['erased'], one['by']], ['a', true, 1, 'anna']);
      assert.deepEqual(await (await api.request('/api/v1/certificates?machine=b')).json(), { items: [] });
      assert.deepEqual(await (await api.request(`/api/v1/jobs/${id}/certificate`)).json(), signed);
      const page = await api.request(String(one['page']));
      assert.equal(page.status, 200);
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
      const policy = page.headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[^;]+'; img-src data:;/);
      const text = await page.text();
      const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? '';
      assert.ok(policy.includes(createHash('sha256').update(style).digest('base64')));
      assert.match(text, /Certificate of erasure/);
    }));

  it('a job is listed, read with its events, and cancelled', () =>
    inApi(async (api) => {
      await withMachines(api, ['a']);
      const answer = await api.send('POST', '/api/v1/jobs', { jobs: [{ kind: 'inspect', machine: 'a' }] });
      const { items } = (await answer.json()) as { items: { id: string }[] };
      const id = items[0]?.id ?? '';
      const events = (await (await api.request(`/api/v1/jobs/${id}/events`)).json()) as { items: { text: string }[] };
      assert.match(events.items[0]?.text ?? '', /asked for by/);
      const cancelled = await api.request(`/api/v1/jobs/${id}/cancel`, { method: 'POST' });
      assert.equal(((await cancelled.json()) as { state: string }).state, 'cancelled');
      assert.equal((await api.request('/api/v1/jobs/none')).status, 404);
      assert.equal((await api.request(`/api/v1/jobs/${id}/certificate`)).status, 404);
    }));
});
