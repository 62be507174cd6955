import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { costOf, jobsText } from './graph.ts';
import type { JobEvent } from './graph.ts';
import { Happenings, takeOrders } from './happenings.ts';

/** graphql-ws over ws as its documentation starts it, with the join in the process. */
const happenings = new Happenings();
const schema = buildSchema(`${jobsText}
  type Job { id: ID! cost: Cost! }
  type Cost { amountMinor: Int! currency: String! }`);
const events = schema.getSubscriptionType()?.getFields()['jobEvents'];
const cost = schema.getType('Job');
if (!events || !cost || !('getFields' in cost)) throw new Error('The graph is another one');
events.subscribe = () => happenings.read();
events.resolve = (event: JobEvent) => event;
Object.assign(cost.getFields()['cost'] ?? {}, { resolve: () => costOf(happenings.seq) });

const server = createServer();
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
takeOrders(happenings);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`ready http://127.0.0.1:${port}/graphql\n`);
});
