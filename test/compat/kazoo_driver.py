"""What a program does with kazoo: python3 kazoo_driver.py HOSTS. It talks to the test as conduct.ts says."""

import sys
import threading
import time
import traceback

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
from kazoo.recipe.cache import TreeCache
from kazoo.security import CREATOR_ALL_ACL, make_digest_acl

hosts = sys.argv[1]
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


def together(*calls):
    """Runs all at the same time, each to its end."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a thread is stuck"


def ask(words):
    print(words, flush=True)
    sys.stdin.readline()


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
    other.sync("/")
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
    third.sync("/")
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

    together(*(lambda client=client, n=n: work(client, str(n)) for n, client in enumerate(holders)))
    assert len(order) == 20, order
    lock = holders[0].Lock("/lock", "dies")
    assert lock.acquire(timeout=5)
    assert holders[1].Lock("/lock", "waits").contenders() == ["dies"]
    holders[0].stop()
    assert holders[1].Lock("/lock", "waits").acquire(timeout=10)
    reader, second, writer = holders[1].ReadLock("/rw"), holders[2].ReadLock("/rw"), holders[3].WriteLock("/rw")
    assert reader.acquire(timeout=10) and second.acquire(timeout=10)
    assert not writer.acquire(blocking=False)
    reader.release()
    second.release()
    assert writer.acquire(timeout=10)
    writer.release()


def elections():
    clients, led = [connected() for _ in range(3)], []

    def lead(client, n):
        client.Election("/election", str(n)).run(lambda: led.append(n))

    together(*(lambda client=client, n=n: lead(client, n) for n, client in enumerate(clients)))
    assert sorted(led) == [0, 1, 2], led


def counters():
    zk, other = connected(), connected()

    def count(counter):
        for _ in range(20):
            counter += 1

    together(*(lambda client=client: count(client.Counter("/counter")) for client in (zk, other)))
    zk.sync("/")
    assert zk.Counter("/counter").value == 40
    semaphore = zk.Semaphore("/semaphore", max_leases=1)
    assert semaphore.acquire(timeout=5)
    assert not other.Semaphore("/semaphore", max_leases=1).acquire(blocking=False)
    semaphore.release()


def barriers():
    zk, other = connected(), connected()
    barrier, passed = zk.Barrier("/barrier"), []
    barrier.create()
    other.sync("/")
    assert not other.Barrier("/barrier").wait(0.1)
    together(lambda: passed.append(other.Barrier("/barrier").wait(20)), barrier.remove)
    assert passed == [True]
    inside = []

    def both(client):
        double = client.DoubleBarrier("/double", 2)
        double.enter()
        inside.append(client)
        double.leave()

    together(lambda: both(zk), lambda: both(other))
    assert len(inside) == 2 and zk.get_children("/double") == []


def queues():
    zk, other = connected(), connected()
    queue = zk.Queue("/queue")
    for n in range(3):
        queue.put(b"late %d" % n, priority=200)
    queue.put(b"first", priority=1)
    other.sync("/")
    taken = [other.Queue("/queue").get() for _ in range(1)] + [queue.get() for _ in range(3)]
    assert taken == [b"first", b"late 0", b"late 1", b"late 2"] and queue.get() is None, taken
    locking = zk.LockingQueue("/locking")
    locking.put_all([b"1", b"2"])
    assert locking.get(5) == b"1" and locking.consume()
    assert other.LockingQueue("/locking").get(5) == b"2"


def parties():
    zk, other = connected(), connected()
    for kind in ("Party", "ShallowParty"):
        here, there = (getattr(client, kind)("/" + kind, name) for client, name in ((zk, "zk"), (other, "other")))
        here.join()
        there.join()
        eventually("both members", lambda: sorted(here) == ["other", "zk"] == sorted(there))
        there.leave()
        eventually("one member", lambda: list(here) == ["zk"] and len(there) == 1)


def partitions():
    """A set is shared out among all who are there, and anew when one more comes or one goes."""
    parts, shares, stop = ("a", "b", "c", "d"), {}, set()

    def work(client, name):
        partitioner = client.SetPartitioner("/partitions", parts, identifier=name, time_boundary=0.2)
        while name not in stop:
            if partitioner.release:
                shares.pop(name, None)
                partitioner.release_set()
            elif partitioner.acquired:
                shares[name] = list(partitioner)
                time.sleep(0.02)
            elif partitioner.allocating:
                partitioner.wait_for_acquire(1)
            else:
                assert not partitioner.failed
        shares.pop(name, None)
        partitioner.finish()

    def watch():
        eventually("both to have a share", lambda: [len(share) for share in shares.values()] == [2, 2], 20)
        assert sorted(sum(shares.values(), [])) == list(parts), shares
        stop.add("two")
        eventually("one to have all", lambda: shares.get("one") == list(parts), 20)
        stop.add("one")

    one, two = connected(), connected()
    together(lambda: work(one, "one"), lambda: work(two, "two"), watch)


def caches():
    zk, other = connected(), connected()
    zk.create("/tree/old", b"0", makepath=True)
    cache = TreeCache(zk, "/tree")
    cache.start()
    for n in range(5):
        other.create("/tree/%d/x" % n, b"y", makepath=True)
        other.set("/tree/%d/x" % n, b"%d" % n)
    other.delete("/tree/0", recursive=True)

    def held(path):
        found = cache.get_data(path)
        return found and found.data

    eventually("the cache", lambda: [held("/tree/%d/x" % n) for n in range(5)] == [None, b"1", b"2", b"3", b"4"])
    eventually("the names", lambda: sorted(cache.get_children("/tree")) == ["1", "2", "3", "4", "old"])
    eventually("the old node", lambda: held("/tree/old") == b"0")
    cache.close()


def words():
    zk = connected()
    assert zk.command(b"ruok") == "imok"
    assert "Mode: " in zk.command(b"srvr") and "zk_znode_count" in zk.command(b"mntr")
    assert zk.server_version() >= (3, 8, 0), zk.server_version()


def port_of(zk):
    try:
        return zk._connection._socket.getpeername()[1]
    except (AttributeError, OSError):
        return 0


def failover():
    """Its server is killed: the same session goes on elsewhere, with its ephemeral nodes, lock and watches."""
    zk, other, states, seen = connected(randomize_hosts=False), connected(), [], []
    zk.add_listener(states.append)
    session = zk.client_id
    zk.create("/failover", b"0")
    zk.create("/failover/alive", ephemeral=True)
    zk.DataWatch("/failover", lambda data, stat: seen.append(data))
    lock = zk.Lock("/failover-lock", "holder")
    assert lock.acquire(timeout=10)
    for _ in range(2):
        port = port_of(zk)
        ask("kill %d" % port)
        eventually("another server", lambda: zk.connected and port_of(zk) not in (0, port), 20)
        ask("restart")
    assert KazooState.SUSPENDED in states and KazooState.LOST not in states, states
    assert zk.client_id == session, "the session was lost"
    assert zk.exists("/failover/alive").ephemeralOwner == session[0]
    zk.create("/failover/after")
    eventually("the other's connection", lambda: other.connected, 20)
    assert not other.Lock("/failover-lock", "rival").acquire(blocking=False)
    other.retry(other.set, "/failover", b"1")
    eventually("the watch to fire", lambda: seen[-1] == b"1")
    lock.release()
    assert other.Lock("/failover-lock", "rival").acquire(timeout=10)


failed = False
for scenario in (
    nodes,
    sequences,
    ephemerals,
    acls,
    watches,
    transactions,
    locks,
    elections,
    counters,
    barriers,
    queues,
    parties,
    partitions,
    caches,
    words,
    failover,
):
    try:
        scenario()
        print("pass " + scenario.__name__, flush=True)
    except BaseException as error:
        failed = True
        traceback.print_exc()
        print("fail %s: %r" % (scenario.__name__, error), flush=True)
    for client in clients:
        client.stop()
        client.close()
    clients.clear()
sys.exit(failed)
