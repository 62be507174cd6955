import { describe, expect, it } from '@jest/globals';
import { createLog } from './log.ts';
import type { LogLevel } from './log.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = createLog({ level }, { write: (line: string) => void lines.push(line) });
  return {
    log,
    lines,
    last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>,
  };
}

const secretNames = [
  'authorization',
  'Authorization',
  'password',
  'PASSWORD',
  'access_token',
  'refresh_token',
  'secret',
  'token',
  'apiKey',
  'privateKey',
  'connectionString',
  'databaseUrl',
  'cookie',
  'set-cookie',
  'x-forge-identity',
];

describe('createLog', () => {
  it.each(secretNames)(
    'never writes the value of a member called %s, at any depth to four',
    (name) => {
      const { log, lines } = logged();
      const planted = { [name]: 'pl4nted' };
      log.info({ ...planted, a: { ...planted, b: { ...planted, c: planted } } }, 'a message');
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain('pl4nted');
      expect(lines[0]?.split('[redacted]')).toHaveLength(5);
    },
  );

  it('never writes a secret that is itself an object, or stands in a list', () => {
    const { log, lines } = logged();
    log.info({ secret: { value: 'pl4nted' }, headers: [{ cookie: 'pl4nted' }, { a: 1 }] });
    expect(lines.join()).not.toContain('pl4nted');
  });

  it('never writes a secret that a child log carries', () => {
    const { log, lines } = logged();
    log.child({ token: 'pl4nted', request: { authorization: 'pl4nted' } }).info('a message');
    expect(lines.join()).not.toContain('pl4nted');
  });

  it('never writes a secret that an error carries', () => {
    const { log, lines } = logged();
    const cause = Object.assign(new Error('inner'), { password: 'pl4nted' });
    const err = Object.assign(new Error('outer', { cause }), {
      config: { headers: { authorization: 'pl4nted' } },
    });
    log.error({ err }, 'a call failed');
    expect(lines.join()).not.toContain('pl4nted');
  });

  it('leaves the object that is logged as it is', () => {
    const { log } = logged();
    const request = { headers: { authorization: 'Bearer x' } };
    log.info(request);
    expect(request).toEqual({ headers: { authorization: 'Bearer x' } });
  });

  it('writes everything else, as one line of JSON with the time', () => {
    const { log, lines, last } = logged();
    log.warn({ tenant: 'acme', depth: { of: { three: 1 } } }, 'a message\nof two lines');
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(last()).toMatchObject({
      level: 40,
      tenant: 'acme',
      depth: { of: { three: 1 } },
      msg: 'a message\nof two lines',
      pid: process.pid,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  it('writes an error with its stack and what caused it', () => {
    const { log, last } = logged();
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    expect(JSON.stringify(last()['err'])).toMatch(/outer.*inner/);
  });

  it('writes nothing below its level', () => {
    const { log, lines } = logged('warn');
    log.info('quiet');
    log.warn('loud');
    expect(lines).toHaveLength(1);
    const silent = logged('silent');
    silent.log.fatal('nothing');
    expect(silent.lines).toEqual([]);
  });
});
