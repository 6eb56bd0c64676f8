import { z } from 'zod';
import { problem, PROBLEM_TYPE } from './problem.ts';
import type { Body, Route } from './route.ts';
import { ROUTES } from './routes.ts';

type Json = Readonly<Record<string, unknown>>;

/** The API as an OpenAPI 3.1 document, made from the route table. */
export function openApi(version: string): Json {
  const schemas = componentSchemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const [id, route] of Object.entries<Route>(ROUTES)) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(id, route, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ingot operator API',
      version,
      description:
        'Times are milliseconds since the epoch. Errors are RFC 9457 problem details. Every operation needs a bearer token, a session cookie or, where `api.tls.clients` is on, a user’s client certificate.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }, { certificate: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-ingot-session-4680',
          description:
            'Ends with the port by which the daemon was reached; by plain HTTP it has no `__Host-`. Changes also need our own Origin.',
        },
        certificate: {
          type: 'mutualTLS',
          description:
            'A certificate that an admin has bound to a user, by its SHA-256; who signed it does not matter.',
        },
      },
      schemas: schemas.all,
    },
  };
}

function operation(id: string, route: Route, schemas: Schemas): Json {
  const changes = route.method !== 'GET';
  return {
    operationId: id,
    summary: route.summary,
    description: route.role === 'anyone' ? 'Needs no rights.' : `Needs the role ${route.role}, or one above it.`,
    'x-role': route.role,
    ...(route.role === 'anyone' ? { security: [] } : {}),
    tags: [/^\/api\/v1\/([a-z]+)/.exec(route.path)?.[1] ?? 'other'],
    parameters: [
      ...parametersOf('path', route.params, schemas),
      ...parametersOf('query', route.query, schemas),
      ...(route.method === 'POST' && route.body?.kind !== 'bytes' && route.answer.kind !== 'bytes'
        ? [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              description:
                'Any word of your own, such as a UUID. Asked again with it within a day, the same answer is given and nothing is done twice; with another request it is refused with 422.',
              schema: { type: 'string', maxLength: 257 },
            },
          ]
        : []),
      ...(route.revision && changes
        ? [
            {
              name: 'If-Match',
              in: 'header',
              required: false,
              description:
                'The ETag of what you have seen: refused with 412 if it has changed since. A PUT that would replace something needs it, or *: refused with 428 otherwise.',
              schema: { type: 'string' },
            },
          ]
        : []),
    ],
    ...(route.body ? { requestBody: { required: true, content: contentOf(route.body, schemas) } } : {}),
    responses: {
      [String(successStatus(route))]: success(route, schemas),
      default: {
        description: 'It was not done',
        content: { [PROBLEM_TYPE]: { schema: schemas.of(problem) } },
      },
    },
  };
}

/** The HTTP status of a route that did what was asked. */
export function successStatus({ answer }: Route): 200 | 201 | 204 {
  if (answer.kind === 'empty') return 204;
  return answer.kind === 'json' ? (answer.status ?? 200) : 200;
}

function success(route: Route, schemas: Schemas): Json {
  const { answer } = route;
  const headers = route.revision && answer.kind === 'json' ? { headers: { ETag: { schema: { type: 'string' } } } } : {};
  switch (answer.kind) {
    case 'empty':
      return { description: 'Done' };
    case 'json':
      return {
        description: 'Done',
        ...headers,
        content: { 'application/json': { schema: schemas.of(answer.schema) } },
      };
    case 'events':
      return {
        description: 'A stream of events; the data of each is one JSON object',
        content: { 'text/event-stream': { schema: schemas.of(answer.schema) } },
      };
    case 'text':
      return { description: 'Done', content: { [answer.contentType]: { schema: { type: 'string' } } } };
    case 'bytes':
      return {
        description: 'Done',
        content: { [answer.contentType]: { schema: { type: 'string', format: 'binary' } } },
      };
    default:
      return answer satisfies never;
  }
}

const contentOf = (body: Body, schemas: Schemas): Json =>
  body.kind === 'json'
    ? { 'application/json': { schema: schemas.of(body.schema) } }
    : { [body.contentType]: { schema: { type: 'string', format: 'binary' } } };

function parametersOf(where: 'path' | 'query', schema: z.ZodObject | undefined, schemas: Schemas): readonly Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemas.inline(schema) as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

type Schemas = {
  readonly all: Json;
  readonly of: (schema: z.ZodType) => Json;
  readonly inline: (schema: z.ZodType) => Json;
};

/**
 * Schemas with an id become components; the rest stand where they are used. All are in their input form: it is the form
 * in which documents travel, in both directions.
 */
function componentSchemas(): Schemas {
  const all: Record<string, Json> = {};
  const convert = (schema: z.ZodType): Json => {
    const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' });
    const { $schema: _dialect, $defs = {}, ...rest } = made as Json & { $defs?: Readonly<Record<string, Json>> };
    for (const [id, definition] of Object.entries($defs)) all[id] ??= relinked(definition) as Json;
    return relinked(rest) as Json;
  };
  return {
    all,
    of(schema) {
      const id = z.globalRegistry.get(schema)?.id;
      if (id === undefined) return convert(schema);
      all[id] ??= convert(schema);
      return { $ref: `#/components/schemas/${id}` };
    },
    inline: convert,
  };
}

/** `$defs` of each schema become components of the document; a schema's own `id` (not a property of that name) goes. */
function relinked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relinked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(key === 'id' && typeof inner === 'string'))
      .map(([key, inner]) =>
        key === '$ref' && typeof inner === 'string'
          ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
          : [key, relinked(inner)],
      ),
  );
}
