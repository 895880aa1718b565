/**
 * Known mistakes, planted one at a time: the simulator is trusted as far as it finds them.
 *
 * A mutant is an edit of the built code, made in a copy; production sources carry no trace of it.
 * Most have hurt ZooKeeper or its kin: `issue` names where (see the table of known bugs in README.md).
 */
export interface Mutant {
  readonly name: string;
  readonly issue: string;
  /** Below dist/engine. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A second edit of the same file. */
  readonly also?: { readonly find: string; readonly replace: string };
}

const learner = 'consensus/zab/learner.js';
const leader = 'consensus/zab/leader.js';
const self = 'consensus/zab/self.js';
const quorum = 'consensus/zab/quorum.js';
const clients = 'server/clients.js';

export const mutants: readonly Mutant[] = [
  // ---- election, discovery, synchronization ------------------------------------------------------
  {
    name: 'ack-before-fsync',
    issue: 'ZOOKEEPER-4646',
    file: learner,
    find: 'this.self.append(batch);\n        this.self.commit(committed);',
    replace: `this.self.append(batch);
        this.self.commit(committed);
        this.acked = batch.last;
        this.self.send(this.leader, { kind: 'ack', epoch: this.epoch, zxid: batch.last });`,
  },
  {
    name: 'ack-newleader-before-durable',
    issue: 'ZOOKEEPER-3911',
    file: learner,
    find: "this.self.sendWhenDurable(this.leader, { kind: 'ackNewLeader', epoch: this.epoch });",
    replace: "this.self.send(this.leader, { kind: 'ackNewLeader', epoch: this.epoch });",
  },
  {
    name: 'current-epoch-before-log',
    issue: 'ZOOKEEPER-4643',
    file: learner,
    find: "this.phase = 'synchronizing';\n        if (mode === 'trunc')",
    replace: `this.phase = 'synchronizing';
        const acceptedEpoch = Math.max(this.epoch, this.self.state.acceptedEpoch);
        this.self.saveState({ acceptedEpoch, currentEpoch: this.epoch });
        if (mode === 'trunc')`,
  },
  {
    name: 'promise-before-durable',
    issue: 'ZOOKEEPER-1191',
    file: learner,
    find: "this.self.sendWhenDurable(this.leader, {\n            kind: 'ackEpoch',",
    replace: "this.self.send(this.leader, {\n            kind: 'ackEpoch',",
  },
  {
    name: 'promise-to-two-leaders',
    issue: 'Zab, phase 1',
    file: learner,
    find: 'currentEpoch: promisedBefore ? -1 : state.currentEpoch,',
    replace: 'currentEpoch: state.currentEpoch,',
  },
  {
    name: 'promise-forgotten',
    issue: 'Zab, phase 1',
    file: learner,
    find: 'this.self.saveState({ acceptedEpoch: epoch });',
    replace: ';',
  },
  {
    name: 'leader-without-best-history',
    issue: 'ZOOKEEPER-790',
    file: leader,
    find: "this.verdict = 'a follower has a more recent history';\n            return;",
    replace: '',
  },
  {
    name: 'minority-promise',
    issue: 'Zab, phase 1',
    file: quorum,
    find: 'if (promised < quorum)',
    replace: 'if (promised >= quorum - 1)\n        return true;\n    if (promised < quorum)',
  },
  {
    name: 'lost-disk-counts',
    issue: 'ZOOKEEPER-261',
    file: quorum,
    find: 'return promised - incomplete >= quorum || empty === promised || promised === options.voters.length;',
    replace: 'return true;',
  },
  {
    name: 'diff-where-trunc-is-due',
    issue: 'ZOOKEEPER-1154',
    file: learner,
    find: "if (mode === 'trunc')\n            this.self.truncate(from);",
    replace: '',
  },
  {
    name: 'wrong-commit-at-join',
    issue: 'Zab, ambiguity 3',
    file: leader,
    find: "this.self.send(learner.peer, { kind: 'upToDate', epoch: this.epoch, committed });",
    replace: "this.self.send(learner.peer, { kind: 'upToDate', epoch: this.epoch, committed: this.self.lastLogged });",
  },
  {
    name: 'established-by-minority',
    issue: 'ZOOKEEPER-335',
    file: leader,
    find: "if (joined < this.self.quorum)\n            return;\n        this.phase = 'broadcast';",
    replace: "this.phase = 'broadcast';",
  },
  {
    name: 'proposals-only-to-joined',
    issue: 'Zab, ambiguity 1',
    file: leader,
    find: "if (learner.phase !== 'streaming' || learner.reading !== 0)\n            return;",
    replace: `if (learner.phase !== 'streaming' || learner.reading !== 0)
            return;
        if (learner.newLeaderSent && !learner.joined) {
            learner.sent = this.self.history.last;
            return;
        }`,
  },
  {
    name: 'joining-learner-not-counted',
    issue: 'found here: seed 29',
    file: leader,
    find: 'this.tryCommit();\n            this.upToDate(learner);',
    replace: 'this.upToDate(learner);',
  },
  {
    name: 'keeps-the-ensemble-it-left',
    issue: 'found here: seed 334',
    file: learner,
    find: 'this.self.saveState({ ensembleId });',
    replace: '',
  },
  // ---- broadcast ---------------------------------------------------------------------------------
  {
    name: 'leader-acks-unsynced',
    issue: 'ZOOKEEPER-4646',
    file: leader,
    find: 'let acked = this.self.synced >= zxid ? 1 : 0;',
    replace: 'let acked = 1;',
  },
  {
    name: 'commit-at-proposal',
    issue: 'ZOOKEEPER-1549',
    file: learner,
    find: 'this.self.append(batch);\n        this.self.commit(committed);',
    replace: 'this.self.append(batch);\n        this.self.commit(batch.last);',
  },
  {
    name: 'acks-before-join-count',
    issue: 'ZOOKEEPER-4685',
    file: leader,
    find: 'if (learner.joined && !learner.observer && learner.acked >= zxid)',
    replace: 'if (!learner.observer && learner.sent >= zxid)',
  },
  {
    name: 'announces-what-is-not-durable',
    issue: 'ZOOKEEPER-5094',
    file: self,
    find: 'this.syncedTicket === this.lastTicket && !this.installing',
    replace: 'true',
  },
  {
    name: 'wrong-common-position',
    issue: 'ZOOKEEPER-2418',
    file: 'consensus/history.js',
    find: 'return this.#batches[this.#search(zxid)].prev;',
    replace: 'return this.#batches[Math.max(0, this.#search(zxid) - 1)].prev;',
  },
  {
    name: 'prepares-before-applied',
    issue: 'Zab, primary integrity',
    file: 'server/server.js',
    find: "core.role === 'leading' ? core.initial : core.lastLogged",
    replace: '0',
  },
  {
    name: 'asks-again-too-early',
    issue: 'duplicate writes',
    file: 'server/server.js',
    find: 'if (this.#serving || this.tree.lastZxid < this.#serveFrom)',
    replace: 'if (this.#serving || this.#serveFrom === Infinity)',
  },
  // ---- log and recovery --------------------------------------------------------------------------
  {
    name: 'log-without-fsync',
    issue: 'ZOOKEEPER-4785',
    file: 'log/writer.js',
    find: 'this.#files.sync(this.#file);\n        this.#at += length;',
    replace: 'this.#at += length;',
  },
  {
    name: 'segment-name-not-durable',
    issue: 'ClickHouse-116316',
    file: 'log/writer.js',
    find: 'this.#files.rename(`${name}.tmp`, name);\n        this.#files.syncFolder();',
    replace: 'this.#files.rename(`${name}.tmp`, name);',
  },
  {
    name: 'state-without-fsync',
    issue: 'ZOOKEEPER-2307',
    file: 'log/writer.js',
    find: 'this.#files.sync(this.#stateFile);',
    replace: '',
  },
  {
    name: 'truncate-keeps-position',
    issue: 'ZOOKEEPER-1489',
    file: 'log/writer.js',
    find: 'this.#at = this.#zeroed = scan.end;',
    replace: 'this.#zeroed = scan.end;',
  },
  {
    name: 'log-not-reset-at-snapshot',
    issue: 'ZOOKEEPER-2872',
    file: 'log/writer.js',
    find: 'this.#last = this.#durable = zxid;\n        this.#save({ truncateTo: -1 });',
    replace: 'this.#save({ truncateTo: -1 });',
  },
  {
    name: 'uncommitted-applied-at-start',
    issue: 'ZOOKEEPER-2845',
    file: 'log/recover.js',
    find: 'committed: Math.max(snapshotZxid, 0, ...committed),',
    replace: 'committed: plan.last,',
  },
  // ---- sessions ----------------------------------------------------------------------------------
  {
    name: 'ephemerals-outlive-session',
    issue: 'ZOOKEEPER-2355',
    file: 'tree/tree.js',
    find: 'this.#deleteAll(this.table.disownAll(session), zxid)',
    replace: 'this.#deleteAll(this.table.disownAll(session).slice(1), zxid)',
  },
  {
    name: 'sessions-not-touched',
    issue: 'ClickHouse-121361',
    file: 'session/expiry.js',
    find: 'if (bucket <= session.bucket)',
    replace: 'if (bucket <= session.bucket || id % 2 === 0)',
  },
  {
    name: 'server-without-the-session-answers',
    issue: 'ZOOKEEPER-1208',
    file: 'prep/prep.js',
    find: 'if (owner === 0)',
    replace: 'if (false)',
  },
  {
    name: 'session-moves-back',
    issue: 'ZOOKEEPER-710',
    file: 'prep/prep.js',
    find: 'origin === 0 || owner === origin',
    replace: 'true',
  },
  // ---- requests, watches, tree -------------------------------------------------------------------
  {
    name: 'read-overtakes-write',
    issue: 'ZOOKEEPER-1863',
    file: 'server/reading.js',
    find: 'if (outstanding.length > 0 || this.#hasToWait(',
    replace: 'if (outstanding.length > 1 || this.#hasToWait(',
  },
  {
    name: 'sync-without-quorum',
    issue: 'ZOOKEEPER-1675',
    file: clients,
    find: 'if (isWriteOp(op) && !this.readOnly) {',
    replace: `if (op === opcode.sync && connection.outstanding.length === 0) {
            const out = this.#connections.out(connection);
            const at = out.at;
            const zxid = this.#tree.lastZxid;
            for (const word of [0, xid, Math.floor(zxid / 4294967296), zxid | 0, 0]) out.i32(word);
            out.raw(bytes, bodyStart, end);
            out.setI32(at, out.at - at - 4);
        }
        else if (isWriteOp(op) && !this.readOnly) {`,
  },
  {
    name: 'failed-multi-leaves-changes',
    issue: 'ZOOKEEPER-1624',
    file: 'prep/overlay.js',
    find: 'change.copyFrom(before);',
    replace: '',
  },
  {
    name: 'names-given-twice',
    issue: 'sequential nodes',
    file: 'prep/changes.js',
    find: 'sequenceText(parent.creations)',
    replace: 'sequenceText(parent.children)',
  },
  {
    name: 'watch-after-reply',
    issue: 'watch order',
    file: clients,
    find: 'writeEvent(out, type, path);\n        this.#traffic.eventBytes += out.at - at;\n    }',
    replace: `this.#late.push(() => writeEvent(this.#connections.out(connection), type, path));
    }
    #late = [];`,
    also: {
      find: 'this.#connections.flush();',
      replace: 'for (const event of this.#late) event();\n this.#late = [];\n this.#connections.flush();',
    },
  },
  {
    name: 'watch-fires-twice',
    issue: 'ZOOKEEPER-1382',
    file: 'tree/watches.js',
    find: 'this.#unwatched(path);\n        this.count -= connections.size;',
    replace: 'return new Set(connections);\n        this.count -= connections.size;',
  },
  {
    name: 'watch-lost-at-reconnect',
    issue: 'ZOOKEEPER-1412',
    file: 'read/watch-requests.js',
    find: 'tree.mzxid(slot) > since',
    replace: 'false',
  },
  {
    name: 'child-watch-missed',
    issue: 'ZOOKEEPER-3125',
    file: 'tree/tree.js',
    find: 'store.remove(slot);\n        store.pzxid[parent] = zxid;',
    replace: 'store.remove(slot);',
  },
  {
    name: 'lasting-watch-fires-once',
    issue: 'addWatch',
    file: 'tree/watches.js',
    find: 'joined(hearers, this.recursive.at(path.slice(0, end)))',
    replace: 'joined(hearers, this.recursive.take(path.slice(0, end)))',
  },
  {
    name: 'one-change-told-twice',
    issue: 'ZOOKEEPER-4466',
    file: 'tree/watches.js',
    find: 'for (const connection of data)\n                child.delete(connection);',
    replace: ';',
  },
  {
    name: 'ttl-node-reaped-after-a-write',
    issue: 'ContainerManager',
    file: 'prep/changes.js',
    find: 'node.zxid !== 0 || !isDue(',
    replace: '!isDue(',
  },
  {
    name: 'quota-forgets-a-deletion',
    issue: 'quotas',
    file: 'tree/quotas.js',
    find: 'this.#add(path, -bytes, -1);',
    replace: 'this.#add(path, -bytes, 0);',
  },
  // ---- the program's own state machine -----------------------------------------------------------
  {
    name: 'machine-keeps-its-state',
    issue: 'snapshot installed',
    file: 'server/server.js',
    find: 'this.#ports.machine?.restore(machine);',
    replace: '',
  },
  {
    name: 'snapshot-without-the-machine',
    issue: 'snapshot taken',
    file: 'server/snapshots.js',
    find: 'chunkBytes, this.#ports.machine?.snapshot()',
    replace: 'chunkBytes',
  },
  {
    name: 'proposer-waits-for-ever',
    issue: 'snapshot installed',
    file: 'server/server.js',
    find: 'this.commands.forget();',
    replace: '',
  },
];
