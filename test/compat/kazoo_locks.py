"""kazoo's recipes on the other side of ours: takes words on stdin, answers each with a line on stdout."""
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout

hosts, patterns = sys.argv[1], sys.argv[2:]
zk = KazooClient(hosts=hosts)
zk.start()
lock = zk.Lock("/lock", "kazoo", extra_lock_patterns=patterns)
semaphore = zk.Semaphore("/semaphore", "kazoo", max_leases=1)
queue = zk.Queue("/queue")
counter = zk.Counter("/count")
barrier = zk.DoubleBarrier("/double", 2, "kazoo")


def acquire(what, seconds):
    try:
        return what.acquire(timeout=seconds)
    except LockTimeout:
        return False


words = {
    "lock": lambda: acquire(lock, 10),
    "try-lock": lambda: acquire(lock, 0.3),
    "unlock": lock.release,
    "semaphore": lambda: acquire(semaphore, 10),
    "try-semaphore": lambda: acquire(semaphore, 0.3),
    "release": semaphore.release,
    "put": lambda: queue.put(b"from kazoo"),
    "get": lambda: (queue.get() or b"nothing").decode(),
    "add": lambda: counter.__add__(1).value,
    "enter": barrier.enter,
    "leave": barrier.leave,
}
print("ready", flush=True)
for line in sys.stdin:
    print(words[line.strip()](), flush=True)
zk.stop()
