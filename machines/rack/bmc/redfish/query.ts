import type { Board } from '../board.ts';
import { type Answer, isObject, type JsonObject } from './answer.ts';
import { refusal } from './message.ts';
import type { Tree } from './resource.ts';

const PAGE = 3;
const MOST = 1000;

/** DSP0266 "Query parameters", those that are advertised: expand by one level, select, top and skip. */
export function withQuery(options: {
  readonly body: JsonObject;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly tree: Tree;
  readonly board: Board;
}): Answer {
  const { body, path, query, tree, board } = options;
  const unknown = [...query.keys()].find((name) => name.startsWith('$') && !KNOWN.includes(name));
  if (unknown !== undefined) return refusal(501, 'QueryNotSupported');
  const expand = query.get('$expand');
  if (expand !== null && board.quirk('no-expand')) return refusal(501, 'QueryNotSupported');
  const select = query.get('$select')?.split(',');

  let shown = body;
  const members = body['Members'];
  if (Array.isArray(members)) {
    const skip = count(query.get('$skip'), 0);
    const top = Math.min(count(query.get('$top'), MOST), board.quirk('pages') ? PAGE : MOST);
    const page = members.slice(skip, skip + top);
    const rest = skip + page.length < members.length && (!query.has('$top') || board.quirk('pages'));
    shown = {
      ...body,
      Members: page,
      ...(rest ? { 'Members@odata.nextLink': `${path}?$skip=${skip + page.length}` } : {}),
    };
  } else if (query.has('$top') || query.has('$skip')) {
    return refusal(400, 'QueryNotSupportedOnResource', ['$top']);
  }
  if (expand !== null) shown = expanded(shown, tree);
  if (select) {
    shown = Object.fromEntries(
      Object.entries(shown).filter(([name]) => name.startsWith('@odata.') || select.some((one) => one === name)),
    );
  }
  return { status: 200, body: shown };
}

const KNOWN = ['$expand', '$select', '$top', '$skip'];

function count(text: string | null, otherwise: number): number {
  const value = Number(text ?? otherwise);
  return Number.isInteger(value) && value >= 0 ? value : otherwise;
}

/** Members of a collection, and the subordinate resources of any other: what a lone reference leads to. */
function expanded(body: JsonObject, tree: Tree): JsonObject {
  const follow = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const names = Object.keys(value);
    const id = value['@odata.id'];
    if (names.length !== 1 || typeof id !== 'string') return value;
    return tree.get(id)?.get?.() ?? value;
  };
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      name === 'Links' ? value : Array.isArray(value) ? value.map(follow) : follow(value),
    ]),
  );
}
