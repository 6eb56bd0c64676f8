import { BmcError } from '../contract.ts';
import type { HttpAnswer, HttpRequest } from './http.ts';

const MOST_REDIRECTS = 3;

/** Redirects are followed at the same address only: what comes there has the password or the session with it. */
export async function following(
  origin: string,
  send: (request: HttpRequest) => Promise<HttpAnswer>,
  first: HttpRequest,
  onSlash: () => void = () => {},
): Promise<HttpAnswer> {
  let request = first;
  for (let redirects = 0; ; redirects++) {
    const answer = await send(request);
    const { location } = answer.headers;
    const isRedirect =
      [307, 308].includes(answer.status) || (request.method === 'GET' && [301, 302].includes(answer.status));
    if (!isRedirect || location === undefined) return answer;
    const url = URL.parse(location, `${origin}${request.path}`);
    const doing = `${first.method} ${first.path}`;
    if (url?.origin !== origin) {
      throw new BmcError('refused', `${doing}: it sends us to ${JSON.stringify(location.slice(0, 200))}, not followed`);
    }
    if (redirects === MOST_REDIRECTS) throw new BmcError('malformed', `${doing}: it redirects again and again`);
    const path = `${url.pathname}${url.search}`;
    if (path === withSlash(request.path)) onSlash();
    request = { ...request, path };
  }
}

export function withSlash(path: string): string {
  const [name = '', ...query] = path.split('?');
  return [name.endsWith('/') ? name : `${name}/`, ...query].join('?');
}
