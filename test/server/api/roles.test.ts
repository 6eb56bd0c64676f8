import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ROLES, type Role, roleAllows } from '#machines/contract/api/role.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { type RouteName, ROUTE_NAMES, ROUTES } from '#machines/contract/api/routes.ts';
import { type RunningApi, runningApi } from './running-api.ts';

/** Who may call what, written down a second time: a route that is new, or whose role moved, must be changed here too. */
const WEAKEST: Readonly<Record<RouteName, Role | 'anyone'>> = {
  getStatus: 'viewer',
  listMachines: 'viewer',
  getMachine: 'viewer',
  putMachine: 'operator',
  patchMachine: 'operator',
  removeMachine: 'operator',
  actOnMachine: 'operator',
  bootMachine: 'operator',
  getInventory: 'viewer',
  getMachineConfig: 'viewer',
  replaceMachine: 'operator',
  explain: 'viewer',
  listProfiles: 'viewer',
  getProfile: 'viewer',
  putProfile: 'operator',
  removeProfile: 'operator',
  listClasses: 'viewer',
  getClass: 'viewer',
  putClass: 'operator',
  removeClass: 'operator',
  listImages: 'viewer',
  getImage: 'viewer',
  putImage: 'operator',
  removeImage: 'operator',
  listNetworks: 'viewer',
  getNetwork: 'viewer',
  putNetwork: 'operator',
  removeNetwork: 'operator',
  listClusters: 'viewer',
  getCluster: 'viewer',
  putCluster: 'operator',
  removeCluster: 'admin',
  getClusterState: 'viewer',
  makeTalosconfig: 'admin',
  makeKubeconfig: 'admin',
  listImageStates: 'viewer',
  getImageState: 'viewer',
  verifyImageFile: 'operator',
  getImageFile: 'operator',
  getUpload: 'operator',
  putUpload: 'operator',
  getLoaderFile: 'operator',
  getAgentImage: 'viewer',
  getAgentImageFile: 'operator',
  addAgentImage: 'admin',
  listImageCatalog: 'viewer',
  addCatalogImage: 'operator',
  collectImageGarbage: 'operator',
  listSubnets: 'viewer',
  getSubnet: 'viewer',
  apply: 'operator',
  makePlans: 'operator',
  getPlan: 'viewer',
  startJobs: 'operator',
  listJobs: 'viewer',
  getJob: 'viewer',
  listJobEvents: 'viewer',
  getCertificate: 'viewer',
  getCertificatePage: 'viewer',
  listCertificates: 'viewer',
  getCertificateKey: 'viewer',
  cancelJob: 'operator',
  listPower: 'viewer',
  getPower: 'viewer',
  setPower: 'operator',
  getPowerOperation: 'viewer',
  listPersonAsks: 'viewer',
  answerPersonAsk: 'operator',
  listBmcs: 'viewer',
  getMachineBmc: 'viewer',
  pinBmc: 'admin',
  identifyMachine: 'operator',
  readBmcInventory: 'operator',
  listBmcEvents: 'viewer',
  rotateBmc: 'admin',
  discoverBmcs: 'operator',
  tryBmcs: 'admin',
  listBmcQuirks: 'viewer',
  importBmcQuirks: 'admin',
  listCredentials: 'operator',
  applyCredentials: 'admin',
  putCredential: 'admin',
  removeCredential: 'admin',
  openConsole: 'operator',
  rebootMachine: 'operator',
  shutdownMachine: 'operator',
  readSystemLog: 'viewer',
  typeIntoConsole: 'operator',
  listAttempts: 'viewer',
  getAttempt: 'viewer',
  listEvents: 'viewer',
  getPcap: 'viewer',
  listLeases: 'viewer',
  forgetLease: 'operator',
  listLoaders: 'viewer',
  addLoader: 'admin',
  watch: 'viewer',
  whoAmI: 'viewer',
  endSession: 'viewer',
  makeCode: 'viewer',
  listTokens: 'admin',
  createToken: 'admin',
  removeToken: 'admin',
  getLogin: 'anyone',
  login: 'anyone',
  startOidc: 'anyone',
  finishOidc: 'anyone',
  logout: 'viewer',
  listUsers: 'admin',
  createUser: 'admin',
  patchUser: 'admin',
  removeUser: 'admin',
  setPassword: 'viewer',
  listAudit: 'admin',
  verifyAudit: 'admin',
  listWebhooks: 'admin',
  listDeliveries: 'admin',
  testWebhook: 'admin',
  listPrometheusTargets: 'viewer',
  getOpenApi: 'viewer',
  getMetrics: 'viewer',
  listRates: 'viewer',
  listApprovals: 'viewer',
  createApproval: 'approver',
  endApproval: 'operator',
  getPage: 'viewer',
  getPageFile: 'viewer',
};

const pathOf = (route: Route): string =>
  route.path
    .replace('{action}', 'accept')
    .replace('{address}', '192.0.2.1')
    .replace('{file}', 'page.css')
    .replace(/\{\w+\}/g, 'nobody');

/** One for all tests of this file: none changes what another looks at. */
let api: RunningApi;
before(async () => {
  api = await runningApi();
});
after(() => api[Symbol.asyncDispose]());

describe('rights', () => {
  it('has every route in the table, with the role it is meant to have', () => {
    assert.deepEqual(Object.keys(WEAKEST).toSorted(), [...ROUTE_NAMES].toSorted());
    for (const name of ROUTE_NAMES) assert.equal(ROUTES[name].role, WEAKEST[name], name);
  });

  it('gives 401 without a token and 403 with the wrong role, on every route', async () => {
    for (const name of ROUTE_NAMES) {
      const route: Route = ROUTES[name];
      const weakest = WEAKEST[name];
      const ask = async (token: string | undefined): Promise<number> => {
        const leave = new AbortController();
        const answer = await fetch(`${api.url}${pathOf(route)}`, {
          method: route.method,
          redirect: 'manual',
          signal: leave.signal,
          ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
        });
        leave.abort();
        return answer.status;
      };
      for (const [who, token] of [
        ['nobody', undefined],
        ['a wrong token', `ingot_${'A'.repeat(43)}`],
      ] as const) {
        const status = await ask(token);
        assert.equal(status === 401, weakest !== 'anyone', `${name} as ${who} gave ${status}`);
        assert.ok(status < 500, `${name} as ${who} gave ${status}`);
      }
      for (const role of ROLES) {
        // Two of the routes end the session that asks.
        const ends = name === 'endSession' || name === 'logout';
        const own = ends ? (await api.access.openSession({ name: `a-${role}`, role })).secret : api.tokens[role];
        const status = await ask(own);
        const may = weakest === 'anyone' || roleAllows(role, weakest);
        assert.equal(
          status !== 403,
          may || (name === 'setPassword' && role !== 'admin'),
          `${name} as ${role} gave ${status}`,
        );
        // 503: the page is not built in this checkout.
        assert.ok(
          status !== 401 && (status < 500 || (name === 'getPage' && status === 503)),
          `${name} as ${role} gave ${status}`,
        );
      }
    }
    assert.deepEqual(api.errors, []);
  });

  it('answers /healthz to anyone', async () => {
    assert.equal(await (await fetch(`${api.url}/healthz`)).text(), 'ok\n');
  });

  it('tells a stranger nothing about which paths exist', async () => {
    assert.equal((await fetch(`${api.url}/api/v1/nothing`)).status, 401);
    assert.equal((await api.request('/api/v1/nothing')).status, 404);
  });
});
