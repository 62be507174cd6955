import { afterAll } from '@jest/globals';
import { newRunner, removeRoots } from './fixtures/modes.ts';
import { runnerContract } from './fixtures/runner-contract.ts';

runnerContract('the local runner', async () => (await newRunner()).runner);
afterAll(removeRoots);
