/* What a program does with ZooKeeper's C client: driver HOSTS. It talks to the test as conduct.ts says. */
#include <stdarg.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <zookeeper/zookeeper.h>

static const char *hosts;
static int failures;
static jmp_buf next_scenario;
static const char *scenario_name;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char events[64][128];
static int event_count;
static int connections;
static int expirations;

static void fail(const char *format, ...) {
  va_list args;
  failures++;
  printf("fail %s: ", scenario_name);
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  printf("\n");
  longjmp(next_scenario, 1);
}

#define CHECK(holds) \
  do { \
    if (!(holds)) fail("%s:%d: %s", __FILE__, __LINE__, #holds); \
  } while (0)
#define CODE(call, expected) \
  do { \
    int code = (call); \
    if (code != (expected)) fail("%s:%d: %s: %s", __FILE__, __LINE__, #call, zerror(code)); \
  } while (0)
#define EVENTUALLY(holds) \
  do { \
    time_t end = time(NULL) + 20; \
    while (!(holds)) { \
      if (time(NULL) > end) fail("%s:%d: not in time: %s", __FILE__, __LINE__, #holds); \
      usleep(10 * 1000); \
    } \
  } while (0)

static void on_session(zhandle_t *zk, int type, int state, const char *path, void *context) {
  (void)zk, (void)path, (void)context;
  if (type != ZOO_SESSION_EVENT) return;
  pthread_mutex_lock(&lock);
  if (state == ZOO_CONNECTED_STATE) connections++;
  if (state == ZOO_EXPIRED_SESSION_STATE) expirations++;
  pthread_mutex_unlock(&lock);
}

static void on_event(zhandle_t *zk, int type, int state, const char *path, void *context) {
  (void)zk, (void)state, (void)context;
  if (type == ZOO_SESSION_EVENT) return;
  pthread_mutex_lock(&lock);
  if (event_count < 64) snprintf(events[event_count++], 128, "%d %s", type, path);
  pthread_mutex_unlock(&lock);
}

static zhandle_t *connected(const clientid_t *session) {
  zhandle_t *zk = zookeeper_init(hosts, on_session, 8000, session, NULL, 0);
  CHECK(zk != NULL);
  EVENTUALLY(zoo_state(zk) == ZOO_CONNECTED_STATE);
  return zk;
}

static int make(zhandle_t *zk, const char *path, const char *data, int flags) {
  return zoo_create(zk, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, flags, NULL, 0);
}

static void nodes(void) {
  zhandle_t *zk = connected(NULL);
  char path[64], data[64];
  int length = sizeof(data);
  struct Stat stat;
  struct String_vector names;
  CODE(zoo_create(zk, "/nodes", "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof(path)), ZOK);
  CHECK(strcmp(path, "/nodes") == 0);
  CODE(zoo_get(zk, "/nodes", 0, data, &length, &stat), ZOK);
  CHECK(length == 3 && memcmp(data, "one", 3) == 0 && stat.version == 0 && stat.czxid == stat.mzxid);
  CODE(zoo_set2(zk, "/nodes", "two", 3, 0, &stat), ZOK);
  CHECK(stat.version == 1);
  CODE(zoo_set(zk, "/nodes", "", 0, 0), ZBADVERSION);
  CODE(make(zk, "/nodes", "", 0), ZNODEEXISTS);
  CODE(zoo_exists(zk, "/absent", 0, &stat), ZNONODE);
  CODE(make(zk, "/absent/x", "", 0), ZNONODE);
  CODE(zoo_create2(zk, "/nodes/a", "xyz", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof(path), &stat), ZOK);
  CHECK(stat.dataLength == 3);
  CODE(zoo_create(zk, "/nodes/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE | ZOO_EPHEMERAL, path, sizeof(path)), ZOK);
  CHECK(strcmp(path, "/nodes/s-0000000001") == 0);
  CODE(zoo_exists(zk, path, 0, &stat), ZOK);
  CHECK(stat.ephemeralOwner == zoo_client_id(zk)->client_id);
  CODE(zoo_create2(zk, "/nodes/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, path, sizeof(path), &stat), ZOK);
  CODE(zoo_create2_ttl(zk, "/nodes/t", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, path, sizeof(path), &stat), ZOK);
  CODE(zoo_get_children2(zk, "/nodes", 0, &names, &stat), ZOK);
  CHECK(names.count == 4 && stat.numChildren == 4);
  deallocate_String_vector(&names);
  CODE(zoo_delete(zk, "/nodes", -1), ZNOTEMPTY);
  CODE(zoo_delete(zk, "/nodes/a", 7), ZBADVERSION);
  CODE(zoo_delete(zk, "/nodes/a", 0), ZOK);
  zookeeper_close(zk);
}

static int answers;
static void on_synced(int code, const char *path, const void *context) {
  (void)path, (void)context;
  pthread_mutex_lock(&lock);
  answers += code == ZOK;
  pthread_mutex_unlock(&lock);
}

/* Its server has caught up with what others were told. */
static void synced(zhandle_t *zk) {
  answers = 0;
  CODE(zoo_async(zk, "/", on_synced, NULL), ZOK);
  EVENTUALLY(answers == 1);
}

static void on_auth(int code, const void *context) {
  (void)context;
  pthread_mutex_lock(&lock);
  answers += code == ZOK;
  pthread_mutex_unlock(&lock);
}

static void acls(void) {
  zhandle_t *owner = connected(NULL), *other = connected(NULL);
  char data[64];
  int length = sizeof(data);
  struct ACL_vector acl;
  struct Stat stat;
  answers = 0;
  CODE(zoo_add_auth(owner, "digest", "ann:secret", 10, on_auth, NULL), ZOK);
  EVENTUALLY(answers == 1);
  CODE(zoo_create(owner, "/acl", "mine", 4, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
  synced(other);
  CODE(zoo_get(other, "/acl", 0, data, &length, NULL), ZNOAUTH);
  CODE(zoo_get_acl(owner, "/acl", &acl, &stat), ZOK);
  CHECK(acl.count == 1 && strncmp(acl.data[0].id.id, "ann:", 4) == 0 && stat.aversion == 0);
  deallocate_ACL_vector(&acl);
  CODE(zoo_set_acl(owner, "/acl", 0, &ZOO_READ_ACL_UNSAFE), ZOK);
  length = sizeof(data);
  synced(other);
  CODE(zoo_get(other, "/acl", 0, data, &length, NULL), ZOK);
  CODE(zoo_set(other, "/acl", "", 0, -1), ZNOAUTH);
  CODE(zoo_create(other, "/acl-none", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZINVALIDACL);
  zookeeper_close(owner);
  zookeeper_close(other);
}

static void watches(void) {
  zhandle_t *zk = connected(NULL), *other = connected(NULL);
  char data[64];
  int length = sizeof(data);
  struct String_vector names;
  event_count = 0;
  CODE(make(zk, "/watched", "", 0), ZOK);
  CODE(zoo_wget(zk, "/watched", on_event, NULL, data, &length, NULL), ZOK);
  CODE(zoo_wget_children(zk, "/watched", on_event, NULL, &names), ZOK);
  deallocate_String_vector(&names);
  CODE(zoo_wexists(zk, "/later", on_event, NULL, NULL), ZNONODE);
  CODE(zoo_set(other, "/watched", "1", 1, -1), ZOK);
  CODE(zoo_set(other, "/watched", "2", 1, -1), ZOK);
  CODE(make(other, "/watched/child", "", 0), ZOK);
  CODE(make(other, "/later", "", ZOO_EPHEMERAL), ZOK);
  EVENTUALLY(event_count == 3);
  CHECK(strcmp(events[0], "3 /watched") == 0);
  CHECK(strcmp(events[1], "4 /watched") == 0);
  CHECK(strcmp(events[2], "1 /later") == 0);
  CODE(zoo_wexists(zk, "/later", on_event, NULL, NULL), ZOK);
  zookeeper_close(other);
  EVENTUALLY(event_count == 4);
  CHECK(strcmp(events[3], "2 /later") == 0);
  length = sizeof(data);
  CODE(zoo_wget(zk, "/watched", on_event, NULL, data, &length, NULL), ZOK);
  CODE(zoo_remove_watches(zk, "/watched", ZWATCHTYPE_DATA, on_event, NULL, 0), ZOK);
  CODE(zoo_set(zk, "/watched", "3", 1, -1), ZOK);
  CODE(zoo_exists(zk, "/watched", 0, NULL), ZOK);
  CHECK(event_count == 4);
  zookeeper_close(zk);
}

static void transactions(void) {
  zhandle_t *zk = connected(NULL);
  zoo_op_t ops[4];
  zoo_op_result_t results[4];
  char path[64];
  struct Stat stat;
  CODE(make(zk, "/multi", "", 0), ZOK);
  zoo_create_op_init(&ops[0], "/multi/a", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof(path));
  zoo_set_op_init(&ops[1], "/multi", "x", 1, 0, &stat);
  zoo_check_op_init(&ops[2], "/multi", 1);
  zoo_delete_op_init(&ops[3], "/multi/a", -1);
  CODE(zoo_multi(zk, 4, ops, results), ZOK);
  CHECK(strcmp(path, "/multi/a") == 0 && stat.version == 1);
  CODE(zoo_multi(zk, 4, ops, results), ZBADVERSION);
  CHECK(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
  CODE(zoo_exists(zk, "/multi/a", 0, &stat), ZNONODE);
  zookeeper_close(zk);
}

static int created;
static char last_created[64];
static void on_created(int code, const char *path, const void *context) {
  (void)context;
  pthread_mutex_lock(&lock);
  if (code == ZOK && strcmp(path, last_created) > 0) {
    created++;
    snprintf(last_created, sizeof(last_created), "%s", path);
  }
  pthread_mutex_unlock(&lock);
}

static void pipelining(void) {
  zhandle_t *zk = connected(NULL);
  struct String_vector names;
  CODE(make(zk, "/many", "", 0), ZOK);
  created = 0;
  last_created[0] = 0;
  for (int n = 0; n < 1000; n++)
    CODE(zoo_acreate(zk, "/many/n-", "data", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, on_created, NULL), ZOK);
  EVENTUALLY(created == 1000);
  CODE(zoo_get_children(zk, "/many", 0, &names), ZOK);
  CHECK(names.count == 1000);
  deallocate_String_vector(&names);
  zookeeper_close(zk);
}

static int port_of(zhandle_t *zk) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  if (zookeeper_get_connected_host(zk, (struct sockaddr *)&address, &length) == NULL) return -1;
  return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void ask(const char *format, int port) {
  char line[16];
  printf(format, port);
  if (fgets(line, sizeof(line), stdin) == NULL) fail("the test does not answer");
}

/* Its server is killed: the same session goes on elsewhere, with its ephemeral nodes and watches. */
static void failover(void) {
  zhandle_t *zk = connected(NULL), *other;
  int64_t session = zoo_client_id(zk)->client_id;
  clientid_t id = *zoo_client_id(zk);
  char data[64];
  int length = sizeof(data);
  struct Stat stat;
  event_count = 0;
  expirations = 0;
  CODE(make(zk, "/failover", "0", 0), ZOK);
  CODE(make(zk, "/failover/alive", "", ZOO_EPHEMERAL), ZOK);
  CODE(zoo_wget(zk, "/failover", on_event, NULL, data, &length, NULL), ZOK);
  for (int round = 0; round < 2; round++) {
    int port = port_of(zk), before = connections;
    ask("kill %d\n", port);
    EVENTUALLY(connections > before && port_of(zk) != port && zoo_state(zk) == ZOO_CONNECTED_STATE);
    ask("restart\n", 0);
  }
  CHECK(expirations == 0 && zoo_client_id(zk)->client_id == session);
  CODE(zoo_exists(zk, "/failover/alive", 0, &stat), ZOK);
  CHECK(stat.ephemeralOwner == session);
  other = connected(NULL);
  CODE(zoo_set(other, "/failover", "1", 1, -1), ZOK);
  EVENTUALLY(event_count == 1);
  CHECK(strcmp(events[0], "3 /failover") == 0);
  zookeeper_close(other);
  other = connected(&id);
  CHECK(zoo_client_id(other)->client_id == session);
  zookeeper_close(other);
}

static void scenario(const char *name, void (*run)(void)) {
  scenario_name = name;
  if (setjmp(next_scenario) == 0) {
    run();
    printf("pass %s\n", name);
  }
}

int main(int count, char **args) {
  if (count != 2) return 2;
  hosts = args[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  scenario("nodes", nodes);
  scenario("acls", acls);
  scenario("watches", watches);
  scenario("transactions", transactions);
  scenario("pipelining", pipelining);
  scenario("failover", failover);
  return failures > 0;
}
