// Curator's lock on the other side of ours: takes words on stdin, answers each with a line on stdout.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryOneTime;

public class CuratorLock {
  public static void main(String[] args) throws Exception {
    CuratorFramework zk = CuratorFrameworkFactory.newClient(args[0], new RetryOneTime(100));
    zk.start();
    zk.blockUntilConnected(20, TimeUnit.SECONDS);
    InterProcessMutex lock = new InterProcessMutex(zk, "/curator");
    BufferedReader words = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("ready");
    for (String word = words.readLine(); word != null; word = words.readLine()) {
      if (word.equals("unlock")) lock.release();
      boolean held = lock.isAcquiredInThisProcess();
      if (word.equals("lock")) held = lock.acquire(10, TimeUnit.SECONDS);
      if (word.equals("try-lock")) held = lock.acquire(300, TimeUnit.MILLISECONDS);
      System.out.println(held ? "True" : "False");
    }
    zk.close();
  }
}
