import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** What a program does with ZooKeeper's own Java client: ApiDriver HOSTS */
final class ApiDriver {
  private static String hosts;
  private static final List<ZooKeeper> clients = new ArrayList<>();

  public static void main(String[] args) throws Exception {
    hosts = args[0];
    Driver.scenario("nodes", ApiDriver::nodes);
    Driver.scenario("kinds-of-nodes", ApiDriver::kindsOfNodes);
    Driver.scenario("acls", ApiDriver::acls);
    Driver.scenario("watches", ApiDriver::watches);
    Driver.scenario("lasting-watches", ApiDriver::lastingWatches);
    Driver.scenario("transactions", ApiDriver::transactions);
    Driver.scenario("pipelining", ApiDriver::pipelining);
    Driver.scenario("sessions", ApiDriver::sessions);
    Driver.scenario("failover", ApiDriver::failover);
    for (ZooKeeper client : clients) client.close(1000);
    Driver.end();
  }

  /** A client that is connected, with what its session went through. */
  private static ZooKeeper connected(List<KeeperState> states, long session, byte[] password) throws Exception {
    CountDownLatch ready = new CountDownLatch(1);
    Watcher watcher = event -> {
      if (event.getType() != EventType.None) return;
      states.add(event.getState());
      if (event.getState() == KeeperState.SyncConnected) ready.countDown();
    };
    ZooKeeper zk =
        session == 0 ? new ZooKeeper(hosts, 8000, watcher) : new ZooKeeper(hosts, 8000, watcher, session, password);
    clients.add(zk);
    Driver.check(ready.await(20, TimeUnit.SECONDS), "no connection");
    return zk;
  }

  private static ZooKeeper connected() throws Exception {
    return connected(new CopyOnWriteArrayList<>(), 0, null);
  }

  /** Its server has caught up with what others were told. */
  private static ZooKeeper synced(ZooKeeper zk) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    zk.sync("/", (code, path, context) -> done.countDown(), null);
    Driver.check(done.await(20, TimeUnit.SECONDS), "sync");
    return zk;
  }

  private static String create(ZooKeeper zk, String path, String data, CreateMode mode) throws Exception {
    return zk.create(path, data.getBytes(), Ids.OPEN_ACL_UNSAFE, mode);
  }

  private static void nodes() throws Exception {
    ZooKeeper zk = connected();
    Driver.equal(create(zk, "/nodes", "one", CreateMode.PERSISTENT), "/nodes");
    Stat stat = new Stat();
    Driver.equal(new String(zk.getData("/nodes", false, stat)), "one");
    Driver.check(stat.getCzxid() == stat.getMzxid() && stat.getDataLength() == 3, stat);
    Driver.equal(zk.setData("/nodes", "two".getBytes(), 0).getVersion(), 1);
    Driver.fails(KeeperException.BadVersionException.class, () -> zk.setData("/nodes", new byte[0], 0));
    Driver.fails(KeeperException.NodeExistsException.class, () -> create(zk, "/nodes", "", CreateMode.PERSISTENT));
    Driver.fails(KeeperException.NoNodeException.class, () -> zk.getData("/absent", false, null));
    Stat made = new Stat();
    zk.create("/nodes/stat", "xyz".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, made);
    Driver.check(made.getDataLength() == 3 && made.getVersion() == 0, made);
    Driver.fails(KeeperException.NotEmptyException.class, () -> zk.delete("/nodes", -1));
    Driver.equal(zk.getChildren("/nodes", false, stat), List.of("stat"));
    Driver.equal(stat.getNumChildren(), 1);
    Driver.check(zk.create("/null", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT).equals("/null"), "null data");
    Driver.check(zk.getData("/null", false, null) == null, "null data comes back as null");
    byte[] large = new byte[900_000];
    create(zk, "/large", "", CreateMode.PERSISTENT);
    zk.setData("/large", large, -1);
    Driver.check(Arrays.equals(zk.getData("/large", false, null), large), "large data");
    create(zk, "/name with \u00e4\u6f22", "", CreateMode.PERSISTENT);
    Driver.check(zk.getChildren("/", false).contains("name with \u00e4\u6f22"), "names beyond ASCII");
    zk.delete("/nodes/stat", 0);
    zk.delete("/nodes", -1);
    Driver.check(zk.exists("/nodes", false) == null, "deleted");
  }

  private static void kindsOfNodes() throws Exception {
    ZooKeeper zk = connected();
    create(zk, "/kinds", "", CreateMode.PERSISTENT);
    for (int n = 0; n < 3; n++)
      Driver.equal(create(zk, "/kinds/s-", "", CreateMode.PERSISTENT_SEQUENTIAL), "/kinds/s-000000000" + n);
    Driver.equal(create(zk, "/kinds/e", "", CreateMode.EPHEMERAL), "/kinds/e");
    Driver.equal(zk.exists("/kinds/e", false).getEphemeralOwner(), zk.getSessionId());
    Driver.fails(
        KeeperException.NoChildrenForEphemeralsException.class,
        () -> create(zk, "/kinds/e/x", "", CreateMode.PERSISTENT));
    create(zk, "/kinds/container", "", CreateMode.CONTAINER);
    Driver.equal(zk.exists("/kinds/container", false).getEphemeralOwner(), 0L);
    zk.create("/kinds/ttl", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 60_000);
    Driver.equal(zk.getAllChildrenNumber("/kinds"), 6);
    Driver.equal(zk.getEphemerals("/kinds"), List.of("/kinds/e"));
    Driver.equal(zk.getEphemerals(), List.of("/kinds/e"));
  }

  private static void acls() throws Exception {
    ZooKeeper owner = connected();
    ZooKeeper other = connected();
    owner.addAuthInfo("digest", "ann:secret".getBytes());
    owner.create("/acl", "mine".getBytes(), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
    synced(other);
    Driver.fails(KeeperException.NoAuthException.class, () -> other.getData("/acl", false, null));
    List<ACL> acl = owner.getACL("/acl", new Stat());
    Driver.check(acl.size() == 1 && acl.get(0).getId().getId().startsWith("ann:"), acl);
    ACL reading = new ACL(Perms.READ, new Id("world", "anyone"));
    Driver.equal(owner.setACL("/acl", Arrays.asList(acl.get(0), reading), 0).getAversion(), 1);
    Driver.equal(new String(synced(other).getData("/acl", false, null)), "mine");
    Driver.fails(KeeperException.NoAuthException.class, () -> other.setData("/acl", null, -1));
    Driver.equal(other.getACL("/acl", null).get(0).getId().getId(), "ann:x");
    List<String> schemes = new ArrayList<>();
    for (ClientInfo info : owner.whoAmI()) schemes.add(info.getAuthScheme() + ":" + info.getUser());
    Collections.sort(schemes);
    Driver.equal(schemes, List.of("digest:ann", "ip:127.0.0.1"));
    Driver.fails(
        KeeperException.InvalidACLException.class,
        () -> other.create("/none", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
  }

  private static String told(WatchedEvent event) {
    return event.getType() + " " + event.getPath();
  }

  private static void watches() throws Exception {
    ZooKeeper zk = connected();
    ZooKeeper other = connected();
    List<String> events = new CopyOnWriteArrayList<>();
    Watcher watcher = event -> events.add(told(event));
    create(zk, "/watched", "", CreateMode.PERSISTENT);
    zk.getData("/watched", watcher, null);
    zk.getChildren("/watched", watcher);
    Driver.check(zk.exists("/later", watcher) == null, "not there yet");
    other.setData("/watched", "1".getBytes(), -1);
    other.setData("/watched", "2".getBytes(), -1);
    create(other, "/watched/child", "", CreateMode.PERSISTENT);
    create(other, "/later", "", CreateMode.EPHEMERAL);
    Driver.eventually("three events", () -> events.size() == 3);
    List<String> expected = List.of("NodeDataChanged /watched", "NodeChildrenChanged /watched", "NodeCreated /later");
    Driver.equal(events, expected);
    zk.exists("/later", watcher);
    other.close();
    Driver.eventually("the end of an ephemeral", () -> events.contains("NodeDeleted /later"));
    zk.getData("/watched", watcher, null);
    zk.removeWatches("/watched", watcher, WatcherType.Data, false);
    Driver.fails(
        KeeperException.NoWatcherException.class,
        () -> zk.removeWatches("/watched", watcher, WatcherType.Data, false));
  }

  private static void lastingWatches() throws Exception {
    ZooKeeper zk = connected();
    List<String> events = new CopyOnWriteArrayList<>();
    create(zk, "/lasting", "", CreateMode.PERSISTENT);
    Watcher one = event -> events.add("one " + told(event));
    Watcher all = event -> events.add("all " + told(event));
    zk.addWatch("/lasting", one, AddWatchMode.PERSISTENT);
    zk.addWatch("/lasting/deep", all, AddWatchMode.PERSISTENT_RECURSIVE);
    create(zk, "/lasting/deep", "", CreateMode.PERSISTENT);
    create(zk, "/lasting/deep/er", "", CreateMode.PERSISTENT);
    for (int n = 0; n < 3; n++) zk.setData("/lasting/deep/er", null, -1);
    for (int n = 0; n < 2; n++) zk.setData("/lasting", null, -1);
    zk.delete("/lasting/deep/er", -1);
    Driver.eventually("nine events", () -> events.size() == 9);
    Driver.equal(events.stream().filter(event -> event.equals("one NodeDataChanged /lasting")).count(), 2L);
    Driver.equal(events.stream().filter(event -> event.equals("all NodeDataChanged /lasting/deep/er")).count(), 3L);
    Driver.check(events.contains("all NodeDeleted /lasting/deep/er"), events);
    zk.removeWatches("/lasting", one, WatcherType.Any, false);
    zk.setData("/lasting", null, -1);
    zk.setData("/lasting/deep", null, -1);
    Driver.eventually("the last event", () -> events.contains("all NodeDataChanged /lasting/deep"));
    Driver.check(events.stream().filter(event -> event.startsWith("one NodeDataChanged")).count() == 2, events);
  }

  private static void transactions() throws Exception {
    ZooKeeper zk = connected();
    create(zk, "/multi", "", CreateMode.PERSISTENT);
    List<OpResult> results =
        zk.transaction()
            .create("/multi/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
            .create("/multi/a/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL)
            .setData("/multi", "x".getBytes(), 0)
            .check("/multi", 1)
            .delete("/multi/a/b", -1)
            .commit();
    Driver.equal(((OpResult.CreateResult) results.get(0)).getPath(), "/multi/a");
    Driver.equal(((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), 1);
    try {
      zk.multi(
          List.of(
              Op.create("/multi/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
              Op.check("/multi", 77),
              Op.delete("/multi/a", -1)));
      throw new AssertionError("a multi with a wrong version");
    } catch (KeeperException error) {
      Driver.equal(error.code(), KeeperException.Code.BADVERSION);
      Driver.equal(error.getResults().size(), 3);
    }
    List<OpResult> read =
        zk.multi(List.of(Op.getData("/multi"), Op.getChildren("/multi"), Op.getData("/multi/none")));
    Driver.equal(new String(((OpResult.GetDataResult) read.get(0)).getData()), "x");
    Driver.equal(((OpResult.GetChildrenResult) read.get(1)).getChildren(), List.of("a"));
    Driver.equal(((OpResult.ErrorResult) read.get(2)).getErr(), KeeperException.Code.NONODE.intValue());
  }

  private static void pipelining() throws Exception {
    ZooKeeper zk = connected();
    create(zk, "/many", "", CreateMode.PERSISTENT);
    List<String> names = new CopyOnWriteArrayList<>();
    CountDownLatch done = new CountDownLatch(1000);
    AsyncCallback.StringCallback made = (code, path, context, name) -> {
      names.add(name);
      done.countDown();
    };
    for (int n = 0; n < 1000; n++)
      zk.create("/many/n-", new byte[100], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL, made, null);
    Driver.check(done.await(20, TimeUnit.SECONDS), "a thousand creates");
    for (int n = 0; n < 1000; n++) Driver.equal(names.get(n), String.format("/many/n-%010d", n));
    Driver.equal(zk.getAllChildrenNumber("/many"), 1000);
  }

  private static void sessions() throws Exception {
    ZooKeeper zk = connected();
    create(zk, "/mine", "", CreateMode.EPHEMERAL);
    List<KeeperState> states = new CopyOnWriteArrayList<>();
    ZooKeeper again = connected(states, zk.getSessionId(), zk.getSessionPasswd());
    Driver.equal(again.getSessionId(), zk.getSessionId());
    Driver.equal(synced(again).exists("/mine", false).getEphemeralOwner(), again.getSessionId());
    again.close();
    Driver.check(synced(connected()).exists("/mine", false) == null, "an ephemeral ends with its session");
  }

  /** Client port of the server that it is connected to. */
  private static int port(ZooKeeper zk) {
    Matcher matcher = Pattern.compile("remoteserver:[^ ]*:(\\d+)").matcher(zk.toString());
    Driver.check(matcher.find(), zk);
    return Integer.parseInt(matcher.group(1));
  }

  /** Its server is killed: the same session goes on elsewhere, with its ephemeral nodes and all its watches. */
  private static void failover() throws Exception {
    List<KeeperState> states = new CopyOnWriteArrayList<>();
    List<String> events = new CopyOnWriteArrayList<>();
    Watcher watcher = event -> {
      if (event.getType() != EventType.None) events.add(told(event));
    };
    ZooKeeper zk = connected(states, 0, null);
    create(zk, "/failover", "0", CreateMode.PERSISTENT);
    create(zk, "/failover/alive", "", CreateMode.EPHEMERAL);
    zk.getData("/failover", watcher, null);
    zk.addWatch("/failover/all", watcher, AddWatchMode.PERSISTENT_RECURSIVE);
    long session = zk.getSessionId();
    for (int round = 0; round < 2; round++) {
      int port = port(zk);
      int before = states.size();
      Driver.kill(port);
      Driver.eventually("another server", () -> states.size() >= before + 2 && port(zk) != port);
      Driver.restart();
    }
    Driver.equal(zk.getSessionId(), session);
    Driver.check(!states.contains(KeeperState.Expired), states);
    Driver.equal(zk.exists("/failover/alive", false).getEphemeralOwner(), session);
    ZooKeeper other = connected();
    other.setData("/failover", "1".getBytes(), -1);
    create(other, "/failover/all", "", CreateMode.PERSISTENT);
    create(other, "/failover/all/x", "", CreateMode.PERSISTENT);
    Driver.eventually("events", () -> events.size() == 3);
    Driver.equal(
        events, List.of("NodeDataChanged /failover", "NodeCreated /failover/all", "NodeCreated /failover/all/x"));
  }

  private ApiDriver() {}
}
