import process from 'node:process';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { guildSupergraph } from './guild.ts';

/** The stock pair as its documentation starts it: no token, no limits, no telemetry. */
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
const supergraphSdl = guildSupergraph(Number(process.argv[2]));
const server = new ApolloServer({ gateway: new ApolloGateway({ supergraphSdl }) });
const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
process.stdout.write(`ready ${url}\n`);
