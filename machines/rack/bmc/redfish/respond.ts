import { type Answer, isObject, type JsonObject } from './answer.ts';
import { checkPrecondition, etagOf } from './etag.ts';
import { refusal, tooLow } from './message.ts';
import { ACCOUNTS, ROOT, SESSIONS } from './paths.ts';
import { withQuery } from './query.ts';
import type { Caller, Resource, Service } from './resource.ts';
import { TASKS } from './tasks.ts';
import { resourceTree } from './tree.ts';

/** One request, its body read. Header names are in lower case. */
export type RedfishRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** What the BMC's Redfish service says to one request. */
export function respond(service: Service, request: RedfishRequest): Answer {
  const { board, sessions } = service;
  const { method } = request;
  const url = new URL(request.url, 'https://bmc');
  const path = url.pathname.replace(/\/+$/, '') || '/';
  if (board.fault('unavailable')) {
    return refusal(503, 'ServiceTemporarilyUnavailable', ['5'], { headers: { 'Retry-After': '5' } });
  }
  if (board.quirk('redirects-to-slash') && url.pathname === path && path !== ROOT && path !== '/redfish') {
    return { status: 308, headers: { Location: `${path}/${url.search}` } };
  }
  if (path === `${ROOT}/$metadata`) return METADATA;
  const tree = resourceTree(service);
  const resource = tree.get(path);
  const isLogin = method === 'POST' && (path === SESSIONS || path === `${SESSIONS}/Members`);
  const caller = authenticate(service, request.headers);
  if (!caller && !isLogin && !(resource?.isOpen && method === 'GET')) {
    return refusal(401, 'NoValidSession', [], { headers: { 'WWW-Authenticate': 'Basic realm="BMC"' } });
  }
  if (caller?.session && board.fault('hangs-mid-session')) return NEVER;
  const by: Caller = caller ?? { userName: '', role: 'ReadOnly' };
  if (caller && board.password.mustChange() && !mayChangePassword(path, method)) {
    return refusal(403, 'PasswordChangeRequired', [path]);
  }

  const task = method === 'GET' ? taskAnswer(service, path) : undefined;
  if (task) return task;
  const at = isLogin ? tree.get(SESSIONS) : resource;
  if (!at) return refusal(404, 'ResourceMissingAtURI', [path]);
  switch (method) {
    case 'GET':
    case 'HEAD':
      return at.get ? read(service, { path, resource: at, query: url.searchParams }) : notAllowed(at);
    case 'PATCH':
      return at.patch ? change(service, at, request, by) : notAllowed(at);
    case 'POST':
      return at.post ? perform(service, at, request, by) : notAllowed(at);
    case 'DELETE':
      if (!at.remove) return notAllowed(at);
      // Anybody may end his own session.
      if (by.role !== 'Administrator' && !(by.session && path === `${SESSIONS}/${by.session.id}`)) return tooLow();
      return at.remove(by);
    default:
      return notAllowed(at);
  }

  function authenticate({ board }: Service, headers: RedfishRequest['headers']): Caller | undefined {
    const token = headers['x-auth-token'];
    if (typeof token === 'string') {
      const session = sessions.byToken(token);
      const account = session && board.accounts.byName(session.userName);
      // A changed password ends the sessions of the old one.
      if (!account || account.password !== session.password) return undefined;
      return { userName: account.userName, role: account.role, session };
    }
    const basic = /^Basic (?<text>[\w+/=]+)$/i.exec(headers.authorization?.toString() ?? '')?.groups?.['text'];
    if (basic === undefined || board.quirk('no-basic')) return undefined;
    const [userName = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    const login = board.accounts.login(userName, rest.join(':'));
    return login.kind === 'in' ? { userName, role: login.account.role } : undefined;
  }
}

/** OData 4.01's document of the schemas, by reference to where their owner publishes them. */
const METADATA: Answer = {
  status: 200,
  headers: { 'Content-Type': 'application/xml' },
  text: [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">',
    '<edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/ServiceRoot_v1.xml">',
    '<edmx:Include Namespace="ServiceRoot.v1_16_1"/></edmx:Reference>',
    '<edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">',
    '<EntityContainer Name="Service" Extends="ServiceRoot.v1_16_1.ServiceContainer"/>',
    '</Schema></edmx:DataServices></edmx:Edmx>',
  ].join('\n'),
};

/** Stands for no answer at all. */
export const NEVER: Answer = { status: 0 };

function mayChangePassword(path: string, method: string): boolean {
  return (path.startsWith(ACCOUNTS) && method !== 'POST') || (path.startsWith(SESSIONS) && method === 'DELETE');
}

function notAllowed(resource: Resource): Answer {
  const allow = [
    ...(resource.get ? ['GET', 'HEAD'] : []),
    ...(resource.patch ? ['PATCH'] : []),
    ...(resource.post ? ['POST'] : []),
    ...(resource.remove ? ['DELETE'] : []),
  ];
  return refusal(405, 'OperationNotAllowed', [], { headers: { Allow: allow.join(', ') } });
}

function taskAnswer({ tasks }: Service, path: string): Answer | undefined {
  if (path.startsWith(`${TASKS}/`)) {
    const body = tasks.resource(path.slice(TASKS.length + 1));
    return body && { status: 200, body };
  }
  return tasks.monitor(path);
}

function read(
  service: Service,
  of: { readonly path: string; readonly resource: Resource; readonly query: URLSearchParams },
): Answer {
  const { board } = service;
  const body = of.resource.get?.() ?? {};
  const etag = etagOf(board, body);
  const tagged = etag === undefined ? body : { ...body, '@odata.etag': etag };
  const shown = withQuery({ body: tagged, path: of.path, query: of.query, tree: resourceTree(service), board });
  return shown.status === 200 && etag !== undefined ? { ...shown, headers: { ETag: etag } } : shown;
}

function change({ board }: Service, resource: Resource, request: RedfishRequest, by: Caller): Answer {
  const body = parsed(request.body);
  if (!body) return refusal(400, 'MalformedJSON');
  if (by.role === 'ReadOnly' && !resource.checksCaller) return tooLow();
  const ifMatch = request.headers['if-match'];
  const refused = checkPrecondition(board, ifMatch?.toString(), resource.get?.() ?? {});
  return refused ?? resource.patch?.(body, by) ?? notAllowed(resource);
}

function perform({ board }: Service, resource: Resource, request: RedfishRequest, by: Caller): Answer {
  if (resource.isAction && by.role === 'ReadOnly') return tooLow();
  if (resource.isAction && board.quirk('no-if-match-on-actions') && request.headers['if-match'] !== undefined) {
    return refusal(412, 'PreconditionFailed');
  }
  const isEmpty = request.body.trim() === '';
  if (isEmpty && resource.isAction && board.quirk('wants-empty-body')) return refusal(400, 'MalformedJSON');
  const body = isEmpty ? {} : parsed(request.body);
  if (!body) return refusal(400, 'MalformedJSON');
  return resource.post?.(body, by) ?? notAllowed(resource);
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
