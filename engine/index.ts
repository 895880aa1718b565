/** Zabra in your program: a server, or a whole ensemble, in this process. */
export { Ensemble, type EnsembleOptions } from './io/ensemble.ts';
export { Server, type ServerStatus, type StartOptions } from './io/host.ts';
export { OptionError, type EnsembleMember, type ServerOptions } from './server/options.ts';
