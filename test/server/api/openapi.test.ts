import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openApi } from '#machines/contract/api/openapi.ts';
import { type RouteName, ROUTE_NAMES, ROUTES } from '#machines/contract/api/routes.ts';
import { runningApi } from './running-api.ts';

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1 for a program that nobody here wrote', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(openApi('0.1.0')));
    assert.deepEqual(result.errors ?? [], []);
    assert.equal(result.valid, true);
    assert.equal(validator.version, '3.1');
  });

  it('refers only to what is in it', () => {
    const document = openApi('0.1.0');
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference = '']) => reference,
    );
    assert.ok(references.length > 20);
    for (const reference of references) {
      const found = reference
        .replace('#/', '')
        .split('/')
        .reduce<unknown>((value, part) => Reflect.get(value as object, part), document);
      assert.equal(typeof found, 'object', reference);
    }
  });

  it('has an operation for each route, and no property lost its name', () => {
    const document = openApi('0.1.0') as {
      paths: Record<string, Record<string, { operationId: string }>>;
      components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
    };
    for (const name of ROUTE_NAMES) {
      const { path, method } = ROUTES[name];
      assert.equal(document.paths[path]?.[method.toLowerCase()]?.operationId, name);
    }
    assert.ok(document.components.schemas['Attempt']?.properties?.['id'], 'an attempt has an id');
  });

  it('names every way in, and which routes need none', () => {
    const { security, paths, components } = openApi('0.1.0') as {
      security: readonly Record<string, unknown>[];
      paths: Record<string, Record<string, { operationId: RouteName; security?: unknown }>>;
      components: { securitySchemes: Record<string, { type: string }> };
    };
    const types = security.map((way) => components.securitySchemes[Object.keys(way)[0] ?? '']?.type);
    assert.deepEqual(types, ['http', 'apiKey', 'mutualTLS']);
    for (const { operationId, security: own } of Object.values(paths).flatMap((path) => Object.values(path))) {
      assert.deepEqual(own, ROUTES[operationId].role === 'anyone' ? [] : undefined, operationId);
    }
  });

  it('is what the daemon gives', async () => {
    await using api = await runningApi();
    const answer = await api.request('/api/v1/openapi.json');
    assert.deepEqual(await answer.json(), JSON.parse(JSON.stringify(openApi('0.1.0'))));
  });
});
