/**
 * Zabra in your program: a server, or a whole ensemble, in this process.
 *
 *   const ensemble = await Ensemble.start();            three servers on free ports of loopback
 *   connect any ZooKeeper client to ensemble.connectString
 *   await ensemble.close();                             nothing is left, and the process may end
 */
export { Ensemble, type EnsembleOptions } from './io/ensemble.ts';
export { Server, type ServerStatus, type StartOptions } from './io/host.ts';
export { OptionError, type EnsembleMember, type ServerOptions } from './server/options.ts';
export type { Journal } from './server/ports.ts';
