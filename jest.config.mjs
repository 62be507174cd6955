import { swcOptions } from './infra/build/swc-options.mjs';

/** Lines, in percent: what a rule or the kernel does is tested nearly whole. */
const lines = (percent) => ({ lines: percent });

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // Not where two users of a machine, or two checkouts, would meet.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { ...swcOptions, sourceMaps: 'inline' }] },
  testMatch: ['<rootDir>/{gateway,subgraphs,infra,test}/**/*.test.ts'],
  // What needs a cluster: npm run test:k8s.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/kubernetes/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  watchPathIgnorePatterns: ['<rootDir>/dist/'],
  globalSetup: '<rootDir>/test/support/postgres-setup.ts',
  globalTeardown: '<rootDir>/test/support/postgres-teardown.ts',
  testTimeout: 30_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '1200MB',

  // Files that no test loads count as well.
  collectCoverageFrom: [
    '{gateway,subgraphs,infra}/**/*.ts',
    '!**/*.test.ts',
    '!**/fixtures/**',
    // Started by tests as processes of their own, which are not measured.
    '!**/main.ts',
  ],
  coverageProvider: 'v8',
  coverageReporters: [['text', { skipFull: true }], 'text-summary', 'json-summary'],
  coverageThreshold: {
    global: lines(90),
    './subgraphs/shared/': lines(95),
    './subgraphs/billing/domain/': lines(95),
    './subgraphs/compliance/domain/': lines(95),
    './subgraphs/sandbox/domain/': lines(95),
    './subgraphs/verticals/domain/': lines(95),
  },
};
