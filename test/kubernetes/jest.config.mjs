import base from '../../jest.config.mjs';

const { workerIdleMemoryLimit: _oneWorker, ...rest } = base;

/** @type {import('jest').Config} What runs on a cluster: `npm run test:k8s` starts it. */
export default {
  ...rest,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/kubernetes/**/*.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
  // They share one cluster and one node.
  maxWorkers: 1,
};
