import assert from 'node:assert/strict';
import { BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';

/** For `assert.rejects`: a `BmcError` of that code, with a message that matches. */
export const withCode =
  (code: BmcErrorCode, message = /./) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof BmcError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
