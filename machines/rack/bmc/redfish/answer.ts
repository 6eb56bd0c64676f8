export type JsonObject = { readonly [name: string]: unknown };

/** One HTTP answer, before a body becomes text. */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** Instead of a body: no JSON. */
  readonly text?: string;
};

export const ok = (body: JsonObject): Answer => ({ status: 200, body });
export const NO_CONTENT: Answer = { status: 204 };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const link = (path: string): { readonly '@odata.id': string } => ({ '@odata.id': path });

/** DSP0266 "Collections": members by reference; nothing of them is told twice. */
export function collection(path: string, type: string, name: string, members: readonly string[]): JsonObject {
  return {
    '@odata.id': path,
    '@odata.type': `#${type}.${type}`,
    Name: name,
    'Members@odata.count': members.length,
    Members: members.map(link),
  };
}
