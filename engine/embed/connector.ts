/** How a client in this process reaches a server in it. */
import type { Connector } from '../client/index.ts';
import type { Host } from '../io/host.ts';

export function connectorTo(...hosts: readonly Host[]): Connector {
  return ({ port: id }, events) => {
    const link = hosts.find((host) => host.options.id === id)!.link(events);
    return { write: (bytes) => link.send(bytes), close: () => link.leave() };
  };
}
