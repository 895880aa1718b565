"""What a program does with kazoo: python3 kazoo_driver.py SCENARIO HOSTS

Exits with 0 when everything was as ZooKeeper has it. A scenario that needs a server killed prints
"kill PORT" and goes on once a line comes back.
"""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.security import CREATOR_ALL_ACL, make_digest_acl

hosts = sys.argv[2]
clients = []


def connected(**options):
    client = KazooClient(hosts=hosts, timeout=options.pop("timeout", 8.0), **options)
    client.start(timeout=20)
    clients.append(client)
    return client


def fails(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError("%s was expected" % error.__name__)


def eventually(what, holds, seconds=10):
    end = time.time() + seconds
    while not holds():
        if time.time() > end:
            raise AssertionError("not in time: " + what)
        time.sleep(0.02)


def nodes():
    zk = connected()
    assert zk.create("/nodes", b"one") == "/nodes"
    data, stat = zk.get("/nodes")
    assert data == b"one" and stat.version == 0 and stat.dataLength == 3 and stat.ephemeralOwner == 0
    assert stat.czxid == stat.mzxid == stat.pzxid
    stat = zk.set("/nodes", b"two", version=0)
    assert stat.version == 1 and stat.mzxid > stat.czxid
    fails(BadVersionError, zk.set, "/nodes", b"", version=0)
    fails(NodeExistsError, zk.create, "/nodes")
    fails(NoNodeError, zk.get, "/absent")
    fails(NoNodeError, zk.create, "/absent/child")
    zk.create("/nodes/a/b/c", b"deep", makepath=True)
    fails(NotEmptyError, zk.delete, "/nodes/a")
    path, stat = zk.create("/nodes/stat", b"xyz", include_data=True)
    assert path == "/nodes/stat" and stat.dataLength == 3
    assert sorted(zk.get_children("/nodes")) == ["a", "stat"]
    children, stat = zk.get_children("/nodes", include_data=True)
    assert len(children) == 2 == stat.numChildren
    assert zk.exists("/absent") is None and zk.exists("/nodes").version == 1
    zk.delete("/nodes", recursive=True)
    assert zk.exists("/nodes") is None
    large = b"x" * 900000
    zk.create("/large", large)
    assert zk.get("/large")[0] == large
    zk.create("/name with \u00e4\u6f22", b"")
    assert "name with \u00e4\u6f22" in zk.get_children("/")
    results = [zk.create_async("/many-%d" % n) for n in range(500)]
    assert [result.get(10) for result in results] == ["/many-%d" % n for n in range(500)]
    assert zk.sync("/") == "/"


def sequences():
    zk = connected()
    zk.create("/sequences")
    names = [zk.create("/sequences/n-", sequence=True) for _ in range(5)]
    assert names == ["/sequences/n-%010d" % n for n in range(5)], names
    zk.delete(names[4])
    assert zk.create("/sequences/n-", sequence=True) == "/sequences/n-0000000005"
    both = zk.create("/sequences/e-", ephemeral=True, sequence=True)
    assert zk.get(both)[1].ephemeralOwner == zk.client_id[0]


def ephemerals():
    holder, watcher = connected(), connected()
    holder.create("/held", b"", ephemeral=True)
    gone = threading.Event()
    eventually("ephemeral node seen by others", lambda: watcher.exists("/held", watch=lambda event: gone.set()))
    assert watcher.exists("/held").ephemeralOwner == holder.client_id[0]
    holder.stop()
    assert gone.wait(10)
    assert watcher.exists("/held") is None


def acls():
    owner = connected(auth_data=[("digest", "ann:secret")])
    other = connected()
    owner.create("/acl", b"mine", acl=CREATOR_ALL_ACL)
    fails(NoAuthError, other.get, "/acl")
    fails(NoAuthError, other.set, "/acl", b"")
    fails(NoAuthError, other.create, "/acl/child")
    acl, stat = owner.get_acls("/acl")
    assert acl[0].id.scheme == "digest" and acl[0].id.id.startswith("ann:"), acl
    other.add_auth("digest", "ann:secret")
    assert other.get("/acl")[0] == b"mine"
    reader = make_digest_acl("bob", "word", read=True)
    assert owner.set_acls("/acl", [reader, make_digest_acl("ann", "secret", all=True)]).aversion == 1
    third = connected(auth_data=[("digest", "bob:word")])
    assert third.get("/acl")[0] == b"mine"
    fails(NoAuthError, third.set, "/acl", b"")


def watches():
    zk, other = connected(), connected()
    seen = []
    zk.create("/watched", b"0")
    zk.get("/watched", watch=lambda event: seen.append((event.type, event.path)))
    zk.get_children("/watched", watch=lambda event: seen.append((event.type, event.path)))
    zk.exists("/later", watch=lambda event: seen.append((event.type, event.path)))
    other.set("/watched", b"1")
    other.set("/watched", b"2")
    other.create("/watched/child")
    other.create("/later")
    eventually("three events", lambda: len(seen) == 3)
    assert seen == [("CHANGED", "/watched"), ("CHILD", "/watched"), ("CREATED", "/later")], seen
    values, children = [], []
    zk.DataWatch("/watched", lambda data, stat: values.append(data))
    zk.ChildrenWatch("/watched", lambda names: children.append(sorted(names)))
    for n in range(3, 8):
        other.set("/watched", str(n).encode())
        eventually("value %d" % n, lambda: values[-1] == str(n).encode())
    other.create("/watched/second")
    eventually("children", lambda: children[-1] == ["child", "second"])
    other.delete("/watched", recursive=True)
    eventually("deletion", lambda: values[-1] is None)


def transactions():
    zk = connected()
    zk.create("/multi")
    first = zk.transaction()
    first.create("/multi/a", b"1")
    first.create("/multi/a/b", b"2", ephemeral=True)
    first.set_data("/multi", b"set")
    first.check("/multi", version=1)
    first.delete("/multi/a/b")
    results = first.commit()
    assert results[0] == "/multi/a" and results[1] == "/multi/a/b", results
    assert results[2].version == 1 and results[3] is True and results[4] is True, results
    second = zk.transaction()
    second.create("/multi/c")
    second.check("/multi", version=77)
    second.delete("/multi/a")
    results = second.commit()
    assert [type(result) for result in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert zk.get_children("/multi") == ["a"]


def locks():
    holders, order = [connected() for _ in range(4)], []
    inside = []

    def work(client, name):
        for _ in range(5):
            with client.Lock("/lock", name):
                inside.append(name)
                assert len(inside) == 1, inside
                order.append(name)
                inside.pop()

    threads = [threading.Thread(target=work, args=(client, str(n))) for n, client in enumerate(holders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(order) == 20, order
    lock = holders[0].Lock("/lock", "dies")
    assert lock.acquire(timeout=5)
    assert holders[1].Lock("/lock", "waits").contenders() == ["dies"]
    holders[0].stop()
    assert holders[1].Lock("/lock", "waits").acquire(timeout=10)


def elections():
    clients, led = [connected() for _ in range(3)], []

    def lead(client, n):
        client.Election("/election", str(n)).run(lambda: led.append(n))

    threads = [threading.Thread(target=lead, args=(client, n)) for n, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(led) == [0, 1, 2], led


def recipes():
    zk, other = connected(), connected()
    counters = [zk.Counter("/counter"), other.Counter("/counter")]

    def count(counter):
        for _ in range(20):
            counter += 1

    threads = [threading.Thread(target=count, args=(counter,)) for counter in counters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert zk.Counter("/counter").value == 40
    queue = zk.LockingQueue("/queue")
    queue.put_all([b"1", b"2"])
    assert queue.get(5) == b"1" and queue.consume()
    party = zk.Party("/party", "zk")
    party.join()
    eventually("party", lambda: list(other.Party("/party", "other")) == ["zk"])
    semaphore = zk.Semaphore("/semaphore", max_leases=1)
    assert semaphore.acquire(timeout=5)
    assert not other.Semaphore("/semaphore", max_leases=1).acquire(blocking=False)
    semaphore.release()


def words():
    zk = connected()
    assert zk.command(b"ruok") == "imok"
    assert "Mode: " in zk.command(b"srvr") and "zk_znode_count" in zk.command(b"mntr")
    assert zk.server_version() >= (3, 8, 0), zk.server_version()


def reconnects():
    """Its server is killed: the same session goes on elsewhere, with its ephemeral nodes and watches."""
    zk, states, seen = connected(randomize_hosts=False), [], []
    zk.add_listener(states.append)
    session = zk.client_id
    zk.create("/reconnect", b"0")
    zk.create("/reconnect/alive", ephemeral=True)
    zk.DataWatch("/reconnect", lambda data, stat: seen.append(data))
    port = zk._connection._socket.getpeername()[1]
    print("kill %d" % port, flush=True)
    sys.stdin.readline()
    eventually("loss of the connection", lambda: KazooState.SUSPENDED in states)
    eventually("a new connection", lambda: zk.connected, 20)
    assert zk.client_id == session, "the session was lost"
    assert KazooState.LOST not in states, states
    assert zk._connection._socket.getpeername()[1] != port
    assert zk.exists("/reconnect/alive").ephemeralOwner == session[0]
    connected().set("/reconnect", b"1")
    eventually("the watch to fire", lambda: seen[-1] == b"1")
    zk.create("/reconnect/after")


globals()[sys.argv[1]]()
for client in clients:
    client.stop()
    client.close()
