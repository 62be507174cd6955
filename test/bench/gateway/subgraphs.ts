import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import type { GraphQLSchema } from 'graphql';
import { execute, parse } from 'graphql';
import type { GuildText } from './guild-text.ts';
import { guildSchema, guildSubgraphs } from './guild.ts';

/**
 * A process that answers for all subgraphs. The same body gets the same bytes,
 * so that after the first answer a subgraph costs nothing next to a gateway.
 * `/requests` tells how many were answered, `/text/world` and `/text/plain` change
 * what the data says, and `/v1/traces` takes the traces of a gateway.
 */
const schemas = new Map<string, GraphQLSchema>(
  (['plain', 'world'] as const).flatMap((words) =>
    guildSubgraphs.map((name) => [`${words}/${name}`, guildSchema(name, words)] as const),
  ),
);
const answers = new Map<string, Buffer>();
let requests = 0;
let text: GuildText = 'plain';

const server = createServer((request, response) => {
  const { url = '/' } = request;
  void bodyOf(request).then(async (body) => {
    const told = control(url);
    if (told !== undefined) {
      response.end(told);
      return;
    }
    requests += 1;
    const bytes = await answer(url, body);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
    response.end(bytes);
  });
});

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

function control(url: string): string | undefined {
  if (url === '/requests') return String(requests);
  if (url === '/v1/traces') return '{}';
  if (url !== '/text/plain' && url !== '/text/world') return undefined;
  text = url === '/text/world' ? 'world' : 'plain';
  return text;
}

async function answer(path: string, body: string): Promise<Buffer> {
  const key = text + path + body;
  const known = answers.get(key);
  if (known) return known;
  const schema = schemas.get(text + path);
  if (!schema) return Buffer.from('{"errors":[{"message":"no such subgraph"}]}');
  const { query, variables } = JSON.parse(body) as {
    query: string;
    variables?: Record<string, unknown>;
  };
  const result = await execute({
    schema,
    document: parse(query),
    ...(variables ? { variableValues: variables } : {}),
  });
  const bytes = Buffer.from(JSON.stringify(result));
  answers.set(key, bytes);
  return bytes;
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`);
});
