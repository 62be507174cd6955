import { newRunner } from './fixtures/modes.ts';
import { runnerContract } from './fixtures/runner-contract.ts';

runnerContract('the local runner', async () => (await newRunner()).runner);
