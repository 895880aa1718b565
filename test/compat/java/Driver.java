import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.function.BooleanSupplier;

/** What the drivers of Java's clients have in common: scenarios, and the words they tell the test (conduct.ts). */
final class Driver {
  interface Scenario {
    void run() throws Exception;
  }

  private static final BufferedReader answers = new BufferedReader(new InputStreamReader(System.in));
  private static boolean failed = false;

  static void scenario(String name, Scenario scenario) {
    try {
      scenario.run();
      System.out.println("pass " + name);
    } catch (Throwable error) {
      failed = true;
      error.printStackTrace();
      System.out.println("fail " + name + ": " + error);
    }
  }

  static void end() {
    System.exit(failed ? 1 : 0);
  }

  /** Has the server killed whose client port it is. */
  static void kill(int port) throws Exception {
    System.out.println("kill " + port);
    answers.readLine();
  }

  static void restart() throws Exception {
    System.out.println("restart");
    answers.readLine();
  }

  static void check(boolean holds, Object context) {
    if (!holds) throw new AssertionError(String.valueOf(context));
  }

  static void equal(Object actual, Object expected) {
    check(expected.equals(actual), actual + " instead of " + expected);
  }

  static void eventually(String what, BooleanSupplier holds) throws InterruptedException {
    long end = System.nanoTime() + 20_000_000_000L;
    while (!holds.getAsBoolean()) {
      check(System.nanoTime() < end, "not in time: " + what);
      Thread.sleep(10);
    }
  }

  static void fails(Class<? extends Exception> expected, Scenario call) throws Exception {
    try {
      call.run();
    } catch (Exception error) {
      if (expected.isInstance(error)) return;
      throw error;
    }
    throw new AssertionError(expected.getSimpleName() + " was expected");
  }

  private Driver() {}
}
