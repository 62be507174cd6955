import { readFile } from 'node:fs/promises';
import process from 'node:process';
import mercurius from '@mercuriusjs/gateway';
import fastify from 'fastify';

/**
 * The Mercurius gateway as its documentation starts it, with compiled queries.
 * The file names the services: it puts them together itself, by Federation 1.
 */
const [, , file = '', port] = process.argv;
const services = JSON.parse(await readFile(file, 'utf8'));
const app = fastify();
await app.register(mercurius, { jit: 1, gateway: { services } });
const url = await app.listen({ host: '127.0.0.1', port: Number(port) });
process.stdout.write(`ready ${url}/graphql\n`);
