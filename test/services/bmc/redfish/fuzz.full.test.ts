import { test } from 'node:test';
import { fuzzAnswers } from './answers.fuzz.ts';

test('whatever stands in its answers, each verb ends with a value of the contract or with a BmcError', () =>
  fuzzAnswers(100));
