/** A problem of the API (RFC 9457), or the text of what went wrong on the way. */
export class Problem extends Error {
  constructor(body) {
    super(body.detail ?? body.title ?? 'it failed');
    this.next = body.next;
  }
}

export async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // The session is over: the door says how to come in again.
  if (response.status === 401) location.reload();
  if (response.status === 204) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new Problem(answer);
  return answer;
}

export const get = (path) => ask('GET', path);

/** Changes as they happen. EventSource comes back by itself, and resumes where it was. */
export function watch({ onChange, onState }) {
  const source = new EventSource('/api/v1/watch?kinds=machine,attempt,trace,document');
  source.addEventListener('open', () => onState('live'));
  source.addEventListener('error', () => onState('lost'));
  source.addEventListener('message', (message) => onChange(JSON.parse(message.data)));
}
