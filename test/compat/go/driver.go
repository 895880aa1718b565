// What a program does with go-zookeeper: driver HOSTS. It talks to the test as conduct.ts says.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

var (
	hosts   []string
	answers = bufio.NewReader(os.Stdin)
	failed  bool
	open    = zk.WorldACL(zk.PermAll)
)

type silent struct{}

func (silent) Printf(string, ...interface{}) {}

func check(holds bool, context ...interface{}) {
	if !holds {
		panic(fmt.Sprint(context...))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func fails(expected, err error) {
	check(err == expected, "error ", err, " instead of ", expected)
}

func eventually(what string, holds func() bool) {
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		check(time.Now().Before(end), "not in time: ", what)
	}
}

func connected() *zk.Conn {
	conn, _, err := zk.Connect(hosts, 8*time.Second, zk.WithLogInfo(false))
	must(err)
	conn.SetLogger(silent{})
	eventually("a session", func() bool { return conn.State() == zk.StateHasSession })
	return conn
}

// Its server has caught up with what others were told.
func synced(conn *zk.Conn) {
	_, err := conn.Sync("/")
	must(err)
}

func next(events <-chan zk.Event) zk.Event {
	select {
	case event := <-events:
		return event
	case <-time.After(20 * time.Second):
		panic("no event")
	}
}

func nodes() {
	conn := connected()
	defer conn.Close()
	path, err := conn.Create("/nodes", []byte("one"), 0, open)
	check(err == nil && path == "/nodes", path, err)
	data, stat, err := conn.Get("/nodes")
	check(err == nil && string(data) == "one" && stat.Version == 0 && stat.Czxid == stat.Mzxid, stat, err)
	stat, err = conn.Set("/nodes", []byte("two"), 0)
	check(err == nil && stat.Version == 1, stat, err)
	_, err = conn.Set("/nodes", nil, 0)
	fails(zk.ErrBadVersion, err)
	_, err = conn.Create("/nodes", nil, 0, open)
	fails(zk.ErrNodeExists, err)
	_, _, err = conn.Get("/absent")
	fails(zk.ErrNoNode, err)
	path, err = conn.Create("/nodes/s-", nil, zk.FlagSequence|zk.FlagEphemeral, open)
	check(err == nil && path == "/nodes/s-0000000000", path, err)
	there, stat, err := conn.Exists(path)
	check(err == nil && there && stat.EphemeralOwner == conn.SessionID(), stat, err)
	names, stat, err := conn.Children("/nodes")
	check(err == nil && len(names) == 1 && stat.NumChildren == 1, names, err)
	fails(zk.ErrNotEmpty, conn.Delete("/nodes", -1))
	must(conn.Delete(path, 0))
	must(conn.Delete("/nodes", -1))
	path, err = conn.Sync("/")
	check(err == nil && path == "/", path, err)
}

func acls() {
	owner, other := connected(), connected()
	defer owner.Close()
	defer other.Close()
	must(owner.AddAuth("digest", []byte("ann:secret")))
	_, err := owner.Create("/acl", []byte("mine"), 0, zk.AuthACL(zk.PermAll))
	must(err)
	synced(other)
	_, _, err = other.Get("/acl")
	fails(zk.ErrNoAuth, err)
	acl, _, err := owner.GetACL("/acl")
	check(err == nil && len(acl) == 1 && strings.HasPrefix(acl[0].ID, "ann:"), acl, err)
	stat, err := owner.SetACL("/acl", append(zk.DigestACL(zk.PermAll, "ann", "secret"), zk.WorldACL(zk.PermRead)...), 0)
	check(err == nil && stat.Aversion == 1, stat, err)
	synced(other)
	_, _, err = other.Get("/acl")
	must(err)
	_, err = other.Set("/acl", nil, -1)
	fails(zk.ErrNoAuth, err)
	must(other.AddAuth("digest", []byte("ann:secret")))
	_, err = other.Set("/acl", nil, -1)
	must(err)
}

func watches() {
	conn, other := connected(), connected()
	defer conn.Close()
	_, err := conn.Create("/watched", nil, 0, open)
	must(err)
	_, _, data, err := conn.GetW("/watched")
	must(err)
	_, _, later, err := conn.ExistsW("/later")
	must(err)
	_, err = other.Set("/watched", []byte("1"), -1)
	must(err)
	check(next(data).Type == zk.EventNodeDataChanged, "data")
	// This client has a change of data fire a watch for children as well.
	_, _, children, err := conn.ChildrenW("/watched")
	must(err)
	_, err = other.Create("/watched/child", nil, 0, open)
	must(err)
	_, err = other.Create("/later", nil, zk.FlagEphemeral, open)
	must(err)
	check(next(children).Type == zk.EventNodeChildrenChanged, "children")
	check(next(later).Type == zk.EventNodeCreated, "created")
	_, _, later, err = conn.ExistsW("/later")
	must(err)
	other.Close()
	check(next(later).Type == zk.EventNodeDeleted, "deleted")
}

func transactions() {
	conn := connected()
	defer conn.Close()
	results, err := conn.Multi(
		&zk.CreateRequest{Path: "/multi", Data: []byte("x"), Acl: open},
		&zk.CreateRequest{Path: "/multi/a", Acl: open},
		&zk.SetDataRequest{Path: "/multi", Data: []byte("y"), Version: 0},
		&zk.CheckVersionRequest{Path: "/multi", Version: 1},
		&zk.DeleteRequest{Path: "/multi/a", Version: -1},
	)
	check(err == nil && results[0].String == "/multi" && results[2].Stat.Version == 1, results, err)
	results, err = conn.Multi(
		&zk.SetDataRequest{Path: "/multi", Data: []byte("z"), Version: -1},
		&zk.CheckVersionRequest{Path: "/multi", Version: 77},
	)
	check(err != nil && results[1].Error == zk.ErrBadVersion, results, err)
	data, _, err := conn.Get("/multi")
	check(err == nil && bytes.Equal(data, []byte("y")), data, err)
}

func locks() {
	var inside, entries int
	var guard sync.Mutex
	var group sync.WaitGroup
	for n := 0; n < 3; n++ {
		conn := connected()
		defer conn.Close()
		group.Add(1)
		go func() {
			defer group.Done()
			lock := zk.NewLock(conn, "/lock", open)
			for round := 0; round < 5; round++ {
				if lock.Lock() != nil {
					return
				}
				guard.Lock()
				inside++
				if inside == 1 {
					entries++
				}
				guard.Unlock()
				guard.Lock()
				inside--
				guard.Unlock()
				if lock.Unlock() != nil {
					return
				}
			}
		}()
	}
	group.Wait()
	check(entries == 15, "entered alone ", entries, " times")
}

func words() {
	for _, ok := range zk.FLWRuok(hosts, 5*time.Second) {
		check(ok, "ruok")
	}
}

func port(conn *zk.Conn) string {
	address := conn.Server()
	return address[strings.LastIndex(address, ":")+1:]
}

func ask(words string) {
	fmt.Println(words)
	_, err := answers.ReadString('\n')
	must(err)
}

// Its server is killed: the same session goes on elsewhere, with its ephemeral nodes and watches.
func failover() {
	conn := connected()
	defer conn.Close()
	session := conn.SessionID()
	_, err := conn.Create("/failover", []byte("0"), 0, open)
	must(err)
	_, err = conn.Create("/failover/alive", nil, zk.FlagEphemeral, open)
	must(err)
	_, _, events, err := conn.GetW("/failover")
	must(err)
	for round := 0; round < 2; round++ {
		before := port(conn)
		_, err = strconv.Atoi(before)
		must(err)
		ask("kill " + before)
		eventually("another server", func() bool { return port(conn) != before && conn.State() == zk.StateHasSession })
		ask("restart")
	}
	check(conn.SessionID() == session, "the session was lost")
	var stat *zk.Stat
	eventually("an answer", func() bool {
		_, stat, err = conn.Exists("/failover/alive")
		return err == nil
	})
	check(stat.EphemeralOwner == session, stat)
	other := connected()
	defer other.Close()
	_, err = other.Set("/failover", []byte("1"), -1)
	must(err)
	check(next(events).Type == zk.EventNodeDataChanged, "the watch")
}

func scenario(name string, run func()) {
	defer func() {
		if why := recover(); why != nil {
			failed = true
			fmt.Printf("fail %s: %v\n", name, why)
		}
	}()
	run()
	fmt.Println("pass " + name)
}

func main() {
	hosts = strings.Split(os.Args[1], ",")
	zk.DefaultLogger = silent{}
	scenario("nodes", nodes)
	scenario("acls", acls)
	scenario("watches", watches)
	scenario("transactions", transactions)
	scenario("locks", locks)
	scenario("words", words)
	scenario("failover", failover)
	if failed {
		os.Exit(1)
	}
}
