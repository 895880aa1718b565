import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** Curator's recipes, as programs use them: CuratorDriver HOSTS */
final class CuratorDriver {
  private static String hosts;
  private static final List<CuratorFramework> clients = new ArrayList<>();

  public static void main(String[] args) throws Exception {
    hosts = args[0];
    Driver.scenario("framework", CuratorDriver::framework);
    Driver.scenario("locks", CuratorDriver::locks);
    Driver.scenario("leaders", CuratorDriver::leaders);
    Driver.scenario("barriers", CuratorDriver::barriers);
    Driver.scenario("counters", CuratorDriver::counters);
    Driver.scenario("caches", CuratorDriver::caches);
    Driver.scenario("nodes-and-groups", CuratorDriver::nodesAndGroups);
    Driver.scenario("queue", CuratorDriver::queue);
    Driver.scenario("failover", CuratorDriver::failover);
    for (CuratorFramework client : clients) client.close();
    Driver.end();
  }

  private static CuratorFramework connected() throws Exception {
    CuratorFramework client =
        CuratorFrameworkFactory.newClient(hosts, 8000, 8000, new ExponentialBackoffRetry(50, 10, 500));
    client.start();
    clients.add(client);
    Driver.check(client.blockUntilConnected(20, TimeUnit.SECONDS), "no connection");
    return client;
  }

  private static Thread thread(Driver.Scenario work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (Exception error) {
        error.printStackTrace();
      }
    });
    thread.start();
    return thread;
  }

  private static void framework() throws Exception {
    CuratorFramework zk = connected();
    Stat made = new Stat();
    zk.create().storingStatIn(made).creatingParentContainersIfNeeded().forPath("/curator/a/b", "x".getBytes());
    Driver.equal(made.getDataLength(), 1);
    Driver.equal(new String(zk.getData().forPath("/curator/a/b")), "x");
    String safe = zk.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/curator/p-");
    Driver.check(safe.startsWith("/curator/_c_") && safe.endsWith("0000000001"), safe);
    zk.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/curator/ttl");
    List<CuratorTransactionResult> results =
        zk.transaction()
            .forOperations(
                zk.transactionOp().create().forPath("/curator/t", "1".getBytes()),
                zk.transactionOp().setData().forPath("/curator/a", "2".getBytes()),
                zk.transactionOp().check().forPath("/curator/t"),
                zk.transactionOp().delete().forPath("/curator/t"));
    Driver.equal(results.size(), 4);
    Driver.equal(results.get(0).getResultPath(), "/curator/t");
    CountDownLatch done = new CountDownLatch(100);
    for (int n = 0; n < 100; n++)
      zk.create().inBackground((client, event) -> done.countDown()).forPath("/curator/a/n" + n);
    Driver.check(done.await(20, TimeUnit.SECONDS), "in the background");
    Driver.equal(zk.getChildren().forPath("/curator/a").size(), 101);
    zk.delete().guaranteed().deletingChildrenIfNeeded().forPath("/curator");
    Driver.check(zk.checkExists().forPath("/curator") == null, "deleted");
  }

  private static void locks() throws Exception {
    AtomicInteger inside = new AtomicInteger();
    List<String> entries = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int n = 0; n < 3; n++) {
      CuratorFramework zk = connected();
      threads.add(thread(() -> {
        InterProcessMutex mutex = new InterProcessMutex(zk, "/mutex");
        for (int round = 0; round < 5; round++) {
          mutex.acquire();
          entries.add(inside.incrementAndGet() == 1 ? "alone" : "not alone");
          inside.decrementAndGet();
          mutex.release();
        }
      }));
    }
    for (Thread thread : threads) thread.join(30_000);
    Driver.check(entries.size() == 15 && !entries.contains("not alone"), entries);
    CuratorFramework zk = connected();
    CuratorFramework other = connected();
    InterProcessReadWriteLock here = new InterProcessReadWriteLock(zk, "/readwrite");
    InterProcessReadWriteLock there = new InterProcessReadWriteLock(other, "/readwrite");
    here.readLock().acquire();
    Driver.check(there.readLock().acquire(10, TimeUnit.SECONDS), "two readers");
    Driver.check(!there.writeLock().acquire(100, TimeUnit.MILLISECONDS), "no writer beside readers");
    here.readLock().release();
    there.readLock().release();
    Driver.check(there.writeLock().acquire(10, TimeUnit.SECONDS), "a writer");
    Driver.check(!here.readLock().acquire(100, TimeUnit.MILLISECONDS), "no reader beside a writer");
    there.writeLock().release();
    Collection<Lease> leases = new InterProcessSemaphoreV2(zk, "/semaphore", 2).acquire(2);
    InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(other, "/semaphore", 2);
    Driver.check(semaphore.acquire(100, TimeUnit.MILLISECONDS) == null, "all leases are out");
    leases.iterator().next().close();
    Driver.check(semaphore.acquire(10, TimeUnit.SECONDS) != null, "a lease that came back");
  }

  private static void leaders() throws Exception {
    LeaderLatch first = new LeaderLatch(connected(), "/latch", "first");
    first.start();
    Driver.check(first.await(20, TimeUnit.SECONDS), "the first leads");
    LeaderLatch second = new LeaderLatch(connected(), "/latch", "second");
    second.start();
    Driver.eventually("two participants", () -> participants(first) == 2);
    Driver.check(!second.hasLeadership() && second.getLeader().getId().equals("first"), "one leads");
    first.close();
    Driver.check(second.await(20, TimeUnit.SECONDS), "the second leads");
    List<Integer> led = new CopyOnWriteArrayList<>();
    List<LeaderSelector> selectors = new ArrayList<>();
    for (int n = 0; n < 3; n++) {
      int number = n;
      selectors.add(new LeaderSelector(connected(), "/selector", new LeaderSelectorListenerAdapter() {
        @Override
        public void takeLeadership(CuratorFramework client) {
          led.add(number);
        }
      }));
      selectors.get(n).start();
    }
    Driver.eventually("everybody to lead", () -> led.size() == 3);
    for (LeaderSelector selector : selectors) selector.close();
  }

  private static int participants(LeaderLatch latch) {
    try {
      return latch.getParticipants().size();
    } catch (Exception error) {
      throw new AssertionError(error);
    }
  }

  private static void barriers() throws Exception {
    CuratorFramework zk = connected();
    CuratorFramework other = connected();
    DistributedBarrier barrier = new DistributedBarrier(zk, "/barrier");
    barrier.setBarrier();
    // Who waits is on another server, which must have caught up.
    other.create().forPath("/barrier-set");
    List<String> order = new CopyOnWriteArrayList<>();
    Thread waits = thread(() -> {
      new DistributedBarrier(other, "/barrier").waitOnBarrier();
      order.add("through");
    });
    order.add("set");
    barrier.removeBarrier();
    waits.join(20_000);
    Driver.equal(order, List.of("set", "through"));
    List<Boolean> entered = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (CuratorFramework client : List.of(zk, other))
      threads.add(thread(() -> {
        DistributedDoubleBarrier both = new DistributedDoubleBarrier(client, "/double", 2);
        entered.add(both.enter(20, TimeUnit.SECONDS));
        entered.add(both.leave(20, TimeUnit.SECONDS));
      }));
    for (Thread thread : threads) thread.join(30_000);
    Driver.equal(entered, List.of(true, true, true, true));
  }

  private static void counters() throws Exception {
    List<Thread> threads = new ArrayList<>();
    for (int n = 0; n < 2; n++) {
      DistributedAtomicLong counter =
          new DistributedAtomicLong(connected(), "/atomic", new ExponentialBackoffRetry(5, 20, 100));
      threads.add(thread(() -> {
        for (int round = 0; round < 20; round++) while (!counter.increment().succeeded());
      }));
    }
    for (Thread thread : threads) thread.join(30_000);
    CuratorFramework zk = connected();
    DistributedAtomicLong counter = new DistributedAtomicLong(zk, "/atomic", new ExponentialBackoffRetry(5, 20));
    Driver.equal(counter.add(2L).postValue(), 42L);
    SharedCount here = new SharedCount(zk, "/shared", 7);
    SharedCount there = new SharedCount(connected(), "/shared", 0);
    here.start();
    there.start();
    here.setCount(8);
    Driver.eventually("the count to arrive", () -> there.getCount() == 8);
    here.close();
    there.close();
  }

  private static void caches() throws Exception {
    CuratorFramework zk = connected();
    CuratorFramework other = connected();
    other.create().creatingParentsIfNeeded().forPath("/cached/old", "0".getBytes());
    Map<String, String> seen = new ConcurrentHashMap<>();
    CuratorCache cache = CuratorCache.build(zk, "/cached");
    cache.listenable().addListener(
        CuratorCacheListener.builder()
            .forCreatesAndChanges((before, now) -> seen.put(now.getPath(), new String(now.getData())))
            .forDeletes(gone -> seen.remove(gone.getPath()))
            .build());
    cache.start();
    TreeCache tree = new TreeCache(zk, "/cached");
    tree.start();
    for (int n = 0; n < 10; n++) other.create().creatingParentsIfNeeded().forPath("/cached/" + n + "/x", "y".getBytes());
    for (int n = 0; n < 10; n++) other.setData().forPath("/cached/" + n + "/x", String.valueOf(n).getBytes());
    for (int n = 0; n < 10; n += 2) other.delete().deletingChildrenIfNeeded().forPath("/cached/" + n);
    other.setData().forPath("/cached/old", "1".getBytes());
    Map<String, String> expected = new TreeMap<>(Map.of("/cached/old", "1"));
    for (int n = 1; n < 10; n += 2) expected.put("/cached/" + n + "/x", String.valueOf(n));
    Driver.eventually("CuratorCache", () -> leaves(seen).equals(expected));
    Driver.eventually("TreeCache", () -> expected.keySet().stream().allMatch(path -> holds(tree, path, expected.get(path))));
    Driver.check(tree.getCurrentData("/cached/2/x") == null, "deleted nodes");
    cache.close();
    tree.close();
  }

  private static Map<String, String> leaves(Map<String, String> seen) {
    Map<String, String> leaves = new TreeMap<>(seen);
    leaves.keySet().removeIf(path -> !path.equals("/cached/old") && !path.endsWith("/x"));
    return leaves;
  }

  private static boolean holds(TreeCache tree, String path, String value) {
    ChildData data = tree.getCurrentData(path);
    return data != null && new String(data.getData()).equals(value);
  }

  private static void nodesAndGroups() throws Exception {
    CuratorFramework zk = connected();
    CuratorFramework other = connected();
    PersistentNode node = new PersistentNode(zk, CreateMode.EPHEMERAL, false, "/stays", "x".getBytes());
    node.start();
    Driver.check(node.waitForInitialCreate(20, TimeUnit.SECONDS), "made");
    other.delete().forPath("/stays");
    Driver.eventually("it to be made again", () -> exists(other, "/stays"));
    node.close();
    GroupMember here = new GroupMember(zk, "/group", "here", "1".getBytes());
    GroupMember there = new GroupMember(other, "/group", "there", "2".getBytes());
    here.start();
    there.start();
    Driver.eventually("both members", () -> here.getCurrentMembers().size() == 2 && there.getCurrentMembers().size() == 2);
    there.close();
    Driver.eventually("one member", () -> here.getCurrentMembers().size() == 1);
    here.close();
  }

  private static boolean exists(CuratorFramework zk, String path) {
    try {
      return zk.checkExists().forPath(path) != null;
    } catch (Exception error) {
      throw new AssertionError(error);
    }
  }

  private static void queue() throws Exception {
    SimpleDistributedQueue in = new SimpleDistributedQueue(connected(), "/queue");
    SimpleDistributedQueue out = new SimpleDistributedQueue(connected(), "/queue");
    List<String> taken = new CopyOnWriteArrayList<>();
    Thread takes = thread(() -> {
      for (int n = 0; n < 10; n++) taken.add(new String(out.take()));
    });
    for (int n = 0; n < 10; n++) in.offer(String.valueOf(n).getBytes());
    takes.join(20_000);
    Driver.equal(taken, List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
    Driver.check(out.poll() == null, "an empty queue");
  }

  /** Servers are killed under a latch, a lock and a cache: all of them go on, and nobody loses the session. */
  private static void failover() throws Exception {
    CuratorFramework zk = connected();
    CuratorFramework other = connected();
    List<ConnectionState> states = new CopyOnWriteArrayList<>();
    zk.getConnectionStateListenable().addListener((client, state) -> states.add(state));
    LeaderLatch latch = new LeaderLatch(zk, "/failover-latch", "first");
    latch.start();
    Driver.check(latch.await(20, TimeUnit.SECONDS), "the latch");
    InterProcessMutex mutex = new InterProcessMutex(zk, "/failover-mutex");
    mutex.acquire();
    CuratorCache cache = CuratorCache.build(zk, "/failover");
    cache.start();
    long session = zk.getZookeeperClient().getZooKeeper().getSessionId();
    for (int round = 0; round < 2; round++) {
      int port = port(zk);
      int before = states.size();
      Driver.kill(port);
      Driver.eventually("another server", () -> states.size() >= before + 2 && port(zk) != port);
      Driver.restart();
    }
    Driver.check(!states.contains(ConnectionState.LOST), states);
    Driver.equal(zk.getZookeeperClient().getZooKeeper().getSessionId(), session);
    InterProcessMutex rival = new InterProcessMutex(other, "/failover-mutex");
    Driver.check(!rival.acquire(100, TimeUnit.MILLISECONDS), "the lock is still held");
    mutex.release();
    Driver.check(rival.acquire(20, TimeUnit.SECONDS), "the lock is free");
    Driver.eventually("leadership", latch::hasLeadership);
    other.create().creatingParentsIfNeeded().forPath("/failover/after", "x".getBytes());
    Driver.eventually("the cache to hear", () -> cache.get("/failover/after").isPresent());
    latch.close();
    cache.close();
  }

  /** Client port of the server that it is connected to. */
  private static int port(CuratorFramework zk) {
    try {
      String text = zk.getZookeeperClient().getZooKeeper().toString();
      String address = text.substring(text.indexOf("remoteserver:"));
      return Integer.parseInt(address.replaceFirst("^[^ ]*:(\\d+) .*$", "$1"));
    } catch (Exception error) {
      return -1;
    }
  }

  private CuratorDriver() {}
}
