/** reconfig, as far as it is refused: what it asks for, and in which order that is looked at. */
import { op, Record } from '../../support/raw-client.ts';
import type { Peer } from '../talk.ts';
import type { Scenario } from './index.ts';

const spec = '127.0.0.1:21919:21929:participant;21939';

function reconfig(
  peer: Peer,
  joining: string | null,
  leaving: string | null,
  members: string | null,
  version = -1n,
): Promise<void> {
  const body = new Record().buffer(joining).buffer(leaving).buffer(members).long(version);
  const label = `reconfig +${joining} -${leaving} =${members?.replaceAll('\n', '|') ?? null} ${version}`;
  return peer.request(label, op.reconfig, body);
}

/** With reconfigEnabled, of a server of an ensemble. */
export const reconfigs: { readonly [name: string]: Scenario } = {
  'reconfig refused': async (talk) => {
    const a = await talk.session('a');
    await reconfig(a, null, '2', null, 77n);
    await reconfig(a, 'nonsense', null, null, 77n);
    await reconfig(a, 'nonsense', null, null);
    await reconfig(a, `server.9=${spec}=x`, null, null);
    await reconfig(a, 'server.9=127.0.0.1', null, null);
    await reconfig(a, 'server.9=127.0.0.1:21919:21929', null, null);
    await reconfig(a, 'server.9=127.0.0.1:21919:21929:leader;21939', null, null);
    await reconfig(a, `server.9=127.0.0.1:port:21929;21939`, null, null);
    await reconfig(a, null, '1,2,3', null);
    await reconfig(a, null, '1,2', null);
    await reconfig(a, null, null, 'nonsense');
    await reconfig(a, null, null, 'server.1=nonsense');
    await reconfig(a, null, null, `server.1=${spec}`);
    await reconfig(a, null, null, '');
    await reconfig(a, `server.9=${spec}`, '2', null);
    await reconfig(a, null, '2', null);
    await reconfig(a, null, null, null);
    await reconfig(a, '', '', null);
    await a.children('/zookeeper');
    await a.set('/zookeeper/config', 'x');
    await a.ping();
  },
};

/** Without. */
export const reconfigsDisabled: { readonly [name: string]: Scenario } = {
  'reconfig switched off': async (talk) => {
    const a = await talk.session('a');
    await reconfig(a, null, null, null);
    await reconfig(a, 'nonsense', null, null, 77n);
    await reconfig(a, `server.9=${spec}`, '1', null);
    await a.ping();
  },
};
