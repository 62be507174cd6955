import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import { createLog } from './log.ts';
import { sleep } from './time.ts';
import { wakeOrTimeout, wakeups } from './wakeups.ts';
import type { Wakeups } from './wakeups.ts';

/** A connection that keeps what it was asked, and that can be lost. */
class FakeClient extends EventEmitter {
  readonly notified: string[] = [];
  listening = false;
  ended = false;
  refuses = false;

  query(sql: string, [, payload = '']: string[] = []): Promise<void> {
    if (this.refuses) return Promise.reject(new Error('cannot now'));
    if (sql.startsWith('listen')) this.listening = true;
    else this.notified.push(payload);
    return Promise.resolve();
  }

  async end(): Promise<void> {
    this.ended = true;
  }
}

const log = createLog({ level: 'silent' });
const open: Wakeups[] = [];
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function connected(...clients: FakeClient[]) {
  const connect = jest.fn(async () => (clients.shift() ?? new FakeClient()) as unknown as Client);
  const [first] = clients;
  const wakes = wakeups(connect, log);
  open.push(wakes);
  await until(() => first?.listening ?? true);
  return { wakes, connect };
}

async function until(true_: () => boolean): Promise<void> {
  for (let n = 0; !true_() && n < 400; n += 1) await sleep(5);
  expect(true_()).toBe(true);
}

describe('wakeups', () => {
  it('wakes everybody in this process who waits for the topic at once, and nobody else', async () => {
    const { wakes } = await connected();
    const [one, two, other] = [jest.fn(), jest.fn(), jest.fn()];
    wakes.on('jobs', one);
    wakes.on('jobs', two);
    wakes.on('approvals', other);
    wakes.wake(['jobs']);
    expect([one, two, other].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  it('wakes nobody who no longer waits, also when they leave while they are woken', async () => {
    const { wakes } = await connected();
    const off = wakes.on('jobs', () => {
      off();
    });
    const second = jest.fn();
    wakes.on('jobs', second);
    wakes.wake(['jobs']);
    off();
    wakes.wake(['jobs']);
    expect(second).toHaveBeenCalledTimes(2);
  });

  it('does not wake who begins to wait while others are woken', async () => {
    const { wakes } = await connected();
    const later = jest.fn();
    wakes.on('jobs', () => {
      wakes.on('jobs', later);
    });
    wakes.wake(['jobs']);
    expect(later).not.toHaveBeenCalled();
  });

  it('sends what is woken within 20 ms in one notification, each topic once', async () => {
    const client = new FakeClient();
    const { wakes } = await connected(client);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    for (let ms = 0; ms < 19; ms += 1) {
      wakes.wake(['jobs', 'approvals']);
      jest.advanceTimersByTime(1);
    }
    expect(client.notified).toEqual([]);
    jest.advanceTimersByTime(40);
    jest.useRealTimers();
    expect(client.notified).toHaveLength(1);
    expect(hashesOf(client.notified[0])).toHaveLength(2);
  });

  it('sends no notification that Postgres would refuse as too long', async () => {
    const client = new FakeClient();
    const { wakes } = await connected(client);
    wakes.wake(Array.from({ length: 1_500 }, (_, n) => `topic ${String(n)}`));
    await until(() => client.notified.length === 3);
    expect(client.notified.every((payload) => payload.length < 8_000)).toBe(true);
    expect(new Set(client.notified.flatMap(hashesOf)).size).toBe(1_500);
  });

  it('wakes who waits in another process, for a topic of any length and letters', async () => {
    const [here, there] = [new FakeClient(), new FakeClient()];
    const [sending, waiting] = await Promise.all([connected(here), connected(there)]);
    const topic = `events/acme/job:${'x'.repeat(10_000)},é`;
    const [woken, other] = [jest.fn(), jest.fn()];
    waiting.wakes.on(topic, woken);
    waiting.wakes.on('other', other);
    sending.wakes.wake([topic, 'a third']);
    await until(() => here.notified.length > 0);
    there.emit('notification', { payload: here.notified[0] });
    expect(woken).toHaveBeenCalledTimes(1);
    expect(other).not.toHaveBeenCalled();
  });

  it('does not wake its own process a second time by its own notification', async () => {
    const client = new FakeClient();
    const { wakes } = await connected(client);
    const woken = jest.fn();
    wakes.on('jobs', woken);
    wakes.wake(['jobs']);
    await until(() => client.notified.length > 0);
    client.emit('notification', { payload: client.notified[0] });
    client.emit('notification', {});
    expect(woken).toHaveBeenCalledTimes(1);
  });

  it.each(['end', 'error'])(
    'listens again after "%s", and wakes everybody, who may have missed something',
    async (event) => {
      const [first, second] = [new FakeClient(), new FakeClient()];
      const { wakes } = await connected(first, second);
      const woken = jest.fn();
      wakes.on('jobs', woken);
      first.emit(event, new Error('connection reset'));
      await until(() => second.listening);
      expect(first.ended).toBe(true);
      expect(woken).toHaveBeenCalledTimes(1);
      wakes.wake(['jobs']);
      await until(() => second.notified.length === 1);
      expect(first.notified).toEqual([]);
    },
  );

  it('goes on trying while there is no connection, and loses the wake-up, not the process', async () => {
    const client = new FakeClient();
    const refused = () => Promise.reject(new Error('ECONNREFUSED'));
    const connect = jest.fn<() => Promise<Client>>();
    connect.mockImplementationOnce(refused).mockImplementationOnce(refused);
    connect.mockResolvedValue(client as unknown as Client);
    const wakes = wakeups(connect, log);
    open.push(wakes);
    wakes.wake(['jobs']);
    await until(() => client.listening);
    expect(connect).toHaveBeenCalledTimes(3);
    client.refuses = true;
    wakes.wake(['jobs']);
    await sleep(40);
    client.refuses = false;
    wakes.wake(['jobs']);
    await until(() => client.notified.length === 1);
  });

  it('leaves no connection open that would not listen', async () => {
    const [deaf, second] = [new FakeClient(), new FakeClient()];
    deaf.refuses = true;
    const connect = jest.fn<() => Promise<Client>>();
    connect.mockResolvedValueOnce(deaf as unknown as Client);
    connect.mockResolvedValue(second as unknown as Client);
    open.push(wakeups(connect, log));
    await until(() => second.listening);
    expect(deaf.ended).toBe(true);
  });

  it('ends its connection when it is closed, and sends nothing more', async () => {
    const client = new FakeClient();
    const { wakes, connect } = await connected(client);
    wakes.wake(['jobs']);
    await wakes.close();
    expect(client.ended).toBe(true);
    await sleep(40);
    expect(client.notified).toEqual([]);
    expect(connect).toHaveBeenCalledTimes(1);
  });
});

function hashesOf(payload = ''): string[] {
  return (payload.split(':')[1] ?? '').split(',');
}

describe('wakeOrTimeout', () => {
  const waiting = () => {
    const callbacks = new Set<() => void>();
    const on = (_topic: string, callback: () => void) => {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    };
    return { on, callbacks };
  };

  it.each<[string, number, (wake: () => void, leave: () => void) => void]>([
    ['woken', 10_000, (wake) => void setTimeout(wake, 5)],
    ['told to leave', 10_000, (_wake, leave) => void setTimeout(leave, 5)],
    [
      'told to leave before',
      10_000,
      (_wake, leave) => {
        leave();
      },
    ],
    ['left alone for that long', 15, () => undefined],
  ])('ends when it is %s, and leaves nobody waiting', async (_name, ms, happens) => {
    const { on, callbacks } = waiting();
    const leaving = new AbortController();
    const started = performance.now();
    happens(
      () => {
        for (const callback of callbacks) callback();
      },
      () => {
        leaving.abort();
      },
    );
    const woken = wakeOrTimeout({ on }, 'jobs', ms, leaving.signal);
    await expect(woken).resolves.toBeUndefined();
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(callbacks.size).toBe(0);
  });

  it('hears what happens after it was called, before anybody waits for it', async () => {
    const { on, callbacks } = waiting();
    const woken = wakeOrTimeout({ on }, 'jobs', 10_000);
    for (const callback of callbacks) callback();
    await sleep(5);
    await woken;
  });
});
