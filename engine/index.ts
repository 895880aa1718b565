/**
 * Zabra in your program: a server, or a whole ensemble, in this process.
 *
 *   const ensemble = await Ensemble.start();            three servers on free ports of loopback
 *   const client = await ensemble.connect();            over memory; or any ZooKeeper client …
 *   ensemble.connectString                              … over TCP
 *   await ensemble.close();                             nothing is left, and the process may end
 */
export { Ensemble, type EnsembleOptions } from './embed/ensemble.ts';
export type { ConnectOptions } from './embed/in-process-clients.ts';
export { ProposalError, type ProposeOptions } from './embed/propose.ts';
export { Server } from './embed/server.ts';
export type { ServerEvents, ServerStatus, StartOptions } from './io/host.ts';
export { OptionError, type EnsembleMember, type ServerOptions } from './server/options.ts';
export type { Command, Journal, StateMachine } from './server/ports.ts';
