"""What a kazoo client does that allows read-only mode, while most of the ensemble is away and after.

usage: kazoo_read_only.py HOSTS      prints `ro`, waits for a line (the others are back), prints `rw`
"""
import logging
import sys
import threading

from kazoo.client import KazooClient, KazooState, KeeperState
from kazoo.exceptions import NotReadOnlyCallError

logging.basicConfig()
zk = KazooClient(hosts=sys.argv[1], read_only=True, timeout=4.0)
writable = threading.Event()
states = []


def heard(state):
    states.append(state)
    if zk.client_state == KeeperState.CONNECTED:
        writable.set()


zk.add_listener(heard)
zk.start(timeout=20)
assert zk.client_state == KeeperState.CONNECTED_RO, zk.client_state
assert zk.get('/kept')[0] == b'value'
assert 'kept' in zk.get_children('/')
assert zk.exists('/nothing') is None
for write in (lambda: zk.create('/new'), lambda: zk.set('/kept', b'x'), lambda: zk.delete('/kept')):
    try:
        write()
    except NotReadOnlyCallError:
        continue
    raise AssertionError('a write was taken in read-only mode')
print('ro', flush=True)

sys.stdin.readline()
assert writable.wait(30), states
zk.retry(zk.create, '/written-by-kazoo', b'1')
assert zk.get('/written-by-kazoo')[0] == b'1'
print('rw', flush=True)
zk.stop()
