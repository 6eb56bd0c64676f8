import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { type RouteName, ROUTE_NAMES, ROUTES } from '#machines/contract/api/routes.ts';
import { attemptOf } from './memory-recorder.ts';
import { scopes } from '#server/api/scope.ts';
import { type RunningApi, runningApi } from './running-api.ts';

/**
 * What each route is to somebody who may see some machines only. `hidden`: one that they may not see is not there;
 * `filtered`: it is not in the list; `open`: it is about no machine. All others are refused, those too that are made
 * tomorrow.
 */
const TO_SCOPED: Readonly<Partial<Record<RouteName, 'hidden' | 'filtered' | 'open'>>> = {
  getStatus: 'open',
  listMachines: 'filtered',
  getMachine: 'hidden',
  putMachine: 'hidden',
  patchMachine: 'hidden',
  removeMachine: 'hidden',
  actOnMachine: 'hidden',
  bootMachine: 'hidden',
  getInventory: 'hidden',
  getMachineConfig: 'hidden',
  replaceMachine: 'hidden',
  explain: 'hidden',
  listProfiles: 'open',
  getProfile: 'open',
  listClasses: 'open',
  getClass: 'open',
  listImages: 'open',
  getImage: 'open',
  listNetworks: 'open',
  getNetwork: 'open',
  listImageStates: 'open',
  getImageState: 'open',
  listImageCatalog: 'open',
  getAgentImage: 'open',
  listSubnets: 'open',
  getSubnet: 'open',
  makePlans: 'hidden',
  getPlan: 'hidden',
  startJobs: 'hidden',
  listJobs: 'filtered',
  getJob: 'hidden',
  listJobEvents: 'hidden',
  getCertificate: 'hidden',
  getCertificatePage: 'hidden',
  listCertificates: 'filtered',
  getCertificateKey: 'open',
  cancelJob: 'hidden',
  listPower: 'filtered',
  getPower: 'hidden',
  setPower: 'hidden',
  getPowerOperation: 'hidden',
  listPersonAsks: 'filtered',
  answerPersonAsk: 'hidden',
  listBmcs: 'filtered',
  getMachineBmc: 'hidden',
  identifyMachine: 'hidden',
  readBmcInventory: 'hidden',
  listBmcEvents: 'hidden',
  openConsole: 'hidden',
  typeIntoConsole: 'open',
  rebootMachine: 'hidden',
  shutdownMachine: 'hidden',
  readSystemLog: 'hidden',
  listAttempts: 'filtered',
  getAttempt: 'hidden',
  listEvents: 'hidden',
  getPcap: 'hidden',
  listLeases: 'filtered',
  listPrometheusTargets: 'filtered',
  listLoaders: 'open',
  watch: 'filtered',
  whoAmI: 'open',
  endSession: 'open',
  makeCode: 'open',
  getLogin: 'open',
  login: 'open',
  startOidc: 'open',
  finishOidc: 'open',
  logout: 'open',
  setPassword: 'open',
  getOpenApi: 'open',
  getPage: 'open',
  getPageFile: 'open',
};

const OURS = 'r1-u1';
const OTHERS = 'r2-u9';

const documentOf = (name: string) => ({
  kind: 'Machine',
  name,
  labels: { rack: name.slice(0, 2) },
  macs: [name === OURS ? '52:54:00:00:00:01' : '52:54:00:00:00:02'],
});

/** Two racks with a machine each, and everything that hangs on a machine. */
async function twoRacks(api: RunningApi) {
  for (const name of [OURS, OTHERS]) {
    await api.registry.put(machineDocument.parse(documentOf(name)), { who: 'test' });
  }
  const profile = { kind: 'Profile', name: 'p', os: 'disk' };
  await api.send('PUT', '/api/v1/profiles/p', profile);
  const ids = new Map<string, { job: string; attempt: string }>();
  for (const name of [OURS, OTHERS]) {
    const { id: job } = await api.jobs.submit({ kind: 'inspect', machine: name, by: 'test' });
    const attempt = attemptOf(name, { id: name === OURS ? 'a1' : 'a9' });
    api.recorder.tell(attempt);
    ids.set(name, { job, attempt: attempt.id });
  }
  const { secret } = await api.access.createToken({ name: 'scoped', role: 'admin', scope: 'rack=r1' });
  return { ids, secret };
}

function bodyOf(route: RouteName, machine: string): object | undefined {
  switch (route) {
    case 'putMachine':
      return documentOf(machine);
    case 'patchMachine':
      return { profile: 'p' };
    case 'bootMachine':
      return { profile: 'p' };
    case 'replaceMachine':
      return { by: machine, dryRun: true };
    case 'makePlans':
      return { kind: 'wipe', machines: [machine] };
    case 'startJobs':
      return { jobs: [{ kind: 'inspect', machine }] };
    case 'setPower':
      return { action: 'on' };
    case 'answerPersonAsk':
      return { did: true };
    case 'identifyMachine':
      return { seconds: 0 };
    case 'createUser':
      return { name: 'evil' };
    case 'createToken':
      return { name: 'evil' };
    case 'login':
      return { name: 'a', password: 'b' };
    case 'setPassword':
      return { password: 'a long password' };
    default:
      return undefined;
  }
}

describe('a scope', () => {
  it('hides other machines on every route, and no machine of its own', async () => {
    await using api = await runningApi();
    const { ids, secret } = await twoRacks(api);
    for (const name of ROUTE_NAMES) {
      const route: Route = ROUTES[name];
      const ask = async (machine: string): Promise<{ readonly status: number; readonly text: string }> => {
        const its = ids.get(machine);
        const path = route.path
          .replace('{action}', 'lock')
          .replace('{address}', '192.0.2.1')
          .replace('{file}', 'page.css')
          .replace('{name}', route.path.includes('/machines/') ? machine : 'nobody')
          .replace('{id}', (route.path.includes('/jobs/') ? its?.job : its?.attempt) ?? 'none')
          .replace(/\{\w+\}/g, 'none');
        const body = bodyOf(name, machine);
        const answer = await fetch(`${api.url}${path}${name === 'explain' ? `?of=${machine}` : ''}`, {
          method: route.method,
          redirect: 'manual',
          signal: AbortSignal.timeout(name === 'watch' ? 300 : 20_000),
          headers: {
            // Two of the routes end the key that asks.
            authorization: `Bearer ${secret}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json', 'if-match': '*' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: answer.status, text: await answer.text().catch(() => '') };
      };
      const theirs = await ask(OTHERS);
      const want = TO_SCOPED[name] ?? 'refused';
      const said = `${name} (${want}) gave ${theirs.status} ${theirs.text.slice(0, 200)}`;
      assert.ok(theirs.status < 500 || (name === 'getPage' && theirs.status === 503), said);
      switch (want) {
        case 'refused':
          // Some are refused before anybody looks whose machine it is: what was sent is malformed.
          assert.ok(theirs.status === 403 || theirs.status === 400 || theirs.status === 415, said);
          break;
        case 'hidden':
          assert.equal(theirs.status, 404, said);
          assert.doesNotMatch(theirs.text, /52:54:00:00:00:02/, said);
          break;
        case 'filtered':
          assert.equal(theirs.status, 200, said);
          assert.doesNotMatch(theirs.text, new RegExp(OTHERS), said);
          break;
        case 'open':
          assert.ok(name === 'setPassword' || theirs.status !== 403, said);
          assert.doesNotMatch(theirs.text, new RegExp(OTHERS), said);
          break;
        default:
          want satisfies never;
      }
      if (want === 'hidden' && /plan|operation|certificate|person-ask|console|system|power|bmc/.test(route.path))
        continue;
      if (want !== 'hidden' || name === 'removeMachine') continue;
      const ours = await ask(OURS);
      assert.ok(ours.status !== 404, `${name} of a machine in the scope gave ${ours.status} ${ours.text}`);
    }
    assert.ok(api.registry.machine(OTHERS), 'it is still there');
    assert.deepEqual(api.errors, []);
  });

  it('lists what is in it, by the conditions that were asked for as well', async () => {
    await using api = await runningApi();
    const { secret } = await twoRacks(api);
    const names = async (query: string): Promise<readonly string[]> => {
      const answer = await api.request(`/api/v1/machines${query}`, { headers: { authorization: `Bearer ${secret}` } });
      const { items, total } = (await answer.json()) as { items: { name: string }[]; total: number };
      assert.equal(total, items.length, 'nor does the count tell of others');
      return items.map(({ name }) => name);
    };
    assert.deepEqual(await names(''), [OURS]);
    assert.deepEqual(await names('?label=rack%3Dr2'), []);
    assert.deepEqual(await names('?label=rack&limit=5000'), [OURS]);
    assert.deepEqual(await names('?search=r2'), []);
  });

  it('is not left by giving a machine other labels, another MAC or another BMC', async () => {
    await using api = await runningApi();
    const { secret } = await twoRacks(api);
    const headers = { authorization: `Bearer ${secret}`, 'if-match': '*' };
    const patch = (body: object) =>
      api.send('PATCH', `/api/v1/machines/${OURS}`, body, { authorization: `Bearer ${secret}` });
    for (const body of [
      { labels: { rack: 'r2' } },
      { labels: null },
      { macs: ['52:54:00:00:00:09'] },
      { bmc: { type: 'redfish', address: 'https://192.0.2.1' } },
      { uuid: null },
    ]) {
      assert.equal((await patch(body)).status, 403, JSON.stringify(body));
    }
    assert.equal((await patch({ profile: 'p' })).status, 200);
    const put = (body: object) => api.send('PUT', `/api/v1/machines/${OURS}`, body, headers);
    assert.equal((await put({ ...documentOf(OURS), labels: { rack: 'r2' } })).status, 403);
    assert.equal((await put({ ...documentOf(OURS), profile: 'p' })).status, 200);
    const more = await api.send(
      'PUT',
      '/api/v1/machines/r1-u2',
      { kind: 'Machine', name: 'r1-u2', labels: { rack: 'r1' } },
      headers,
    );
    assert.equal(more.status, 404, 'nor is a new machine slipped into it');
  });

  it('goes with a session that a code opens, and with tokens made in it', async () => {
    await using api = await runningApi();
    const { secret } = await twoRacks(api);
    const code = await api.send('POST', '/api/v1/codes', {}, { authorization: `Bearer ${secret}` });
    const session = await fetch(((await code.json()) as { url: string }).url, { redirect: 'manual' });
    const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    assert.equal((await fetch(`${api.url}/api/v1/machines/${OTHERS}`, { headers: { cookie } })).status, 404);
    assert.equal((await fetch(`${api.url}/api/v1/machines/${OURS}`, { headers: { cookie } })).status, 200);
  });

  it('that cannot be read lets nobody see anything', async () => {
    await using api = await runningApi();
    await twoRacks(api);
    for (const scope of ['', '=', 'rack=r1,,=']) {
      const { secret } = await api.access.createToken({ name: 'broken', role: 'admin', scope });
      const answer = await api.request('/api/v1/machines', { headers: { authorization: `Bearer ${secret}` } });
      assert.equal(answer.status, 403, JSON.stringify(scope));
    }
  });

  it('holds for each event of a stream', async () => {
    await using api = await runningApi();
    const { secret } = await twoRacks(api);
    const stop = new AbortController();
    const answer = await fetch(`${api.url}/api/v1/watch`, {
      headers: { authorization: `Bearer ${secret}` },
      signal: stop.signal,
    });
    const reader = answer.body?.getReader();
    assert.ok(reader);
    // A cluster names machines, and its patches may hold secrets.
    const cluster = { kind: 'Cluster', name: 'c', talos: 'v1.13.9', kubernetes: '1.35.0', controlPlane: [OTHERS] };
    const put = await api.send('PUT', '/api/v1/clusters/c', { ...cluster, endpoint: 'https://192.0.2.10:6443' });
    assert.ok(put.ok, await put.text());
    await api.registry.act(OTHERS, 'lock', { who: 'test' });
    await api.registry.act(OURS, 'lock', { who: 'test' });
    let text = '';
    while (!text.includes(`"name":"${OURS}"`)) {
      const { value, done } = await reader.read();
      assert.ok(!done);
      text += new TextDecoder().decode(value);
    }
    stop.abort();
    assert.doesNotMatch(text, new RegExp(OTHERS));
  });

  it('leaves items about other machines out, and hides what is found by an id', async () => {
    await using api = await runningApi();
    await twoRacks(api);
    const machineOf = (id: string) => (id === 'theirs' ? OTHERS : OURS);
    const within = scopes({
      registry: api.registry,
      jobs: {
        ...api.jobs,
        get: async (id) => ({ ...(await api.jobs.list({ limit: 1 }))[0]!, machine: machineOf(id) }),
      },
      recorder: api.recorder as never,
      plans: { get: (id: string) => ({ plan: { machine: machineOf(id) } }) } as never,
      bmc: { operations: { get: (id: string) => ({ machine: machineOf(id) }) } } as never,
    })({ scope: 'rack=r1' });
    assert.ok(within);
    for (const route of ['getPlan', 'getJob', 'cancelJob', 'getPowerOperation'] as const) {
      const enter = async (id: string): Promise<boolean> =>
        'problem' in (await within.enter(route, { params: { id }, query: {}, body: {} }));
      assert.equal(await enter('theirs'), true, route);
      assert.equal(await enter('ours'), false, route);
    }
    const items = [{ machine: OURS }, { machine: OTHERS }, {}];
    for (const route of ['listPower', 'listPersonAsks', 'listBmcs'] as const) {
      const left: unknown = within.leave(route, { kind: 'done', value: { items } } as never);
      assert.deepEqual(left, { kind: 'done', value: { items: [{ machine: OURS }] } }, route);
    }
  });
});
