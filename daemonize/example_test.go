package daemonize_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"echod/daemonize"
)

// A complete daemon. The shell that starts it gets its prompt back when the port answers, or else
// the reason why it does not.
func Example_daemon() {
	d := daemonize.Daemon{PidFile: "/run/hello.pid", ReadyTimeout: 15 * time.Second}
	process, launched, err := d.Detach()
	if err != nil {
		log.Fatal(err)
	}
	if launched != nil {
		fmt.Println(launched.Message)
		return
	}
	defer process.Close()
	termC := make(chan os.Signal, 1)
	signal.Notify(termC, syscall.SIGTERM)
	listener, err := net.Listen("tcp", "127.0.0.1:7007")
	if err == nil {
		go http.Serve(listener, http.NotFoundHandler())
		err = process.Ready("serving http://" + listener.Addr().String())
	}
	if err != nil {
		process.Abort(1, err)
		return
	}
	<-termC
}

// A daemon that is started by root and becomes another user, who can remove the pid file from a
// directory of its own.
func ExampleProcess_DropPrivileges() {
	identity, err := daemonize.LookupIdentity("nobody")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	d := daemonize.Daemon{RuntimeDirectory: "/run/hello", PidFile: "/run/hello/hello.pid", Identity: identity}
	process, err := d.Foreground()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer process.Close()
	listener, err := net.Listen("tcp", ":7") // takes root
	if err == nil {
		err = process.DropPrivileges()
	}
	if err == nil {
		err = process.Ready("")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	listener.Close() // or serve
}

// What a verb status says.
func ExampleFind() {
	holder, err := daemonize.Find("/run/hello.pid")
	var stale *daemonize.StaleError
	switch {
	case errors.Is(err, daemonize.ErrNotRunning):
		fmt.Println("not running")
	case errors.As(err, &stale):
		fmt.Println("dead:", stale)
	case err != nil:
		fmt.Println("cannot tell:", err)
	case !holder.Ready:
		fmt.Println("starting, pid", holder.Pid)
	default:
		fmt.Println("running, pid", holder.Pid)
	}
}

// What a verb stop does: TERM, and KILL after ten seconds.
func ExampleStop() {
	stopped, err := daemonize.Stop{Timeout: 10 * time.Second}.Stop(context.Background(), "/run/hello.pid")
	if err != nil {
		fmt.Println("stop:", err)
		return
	}
	fmt.Println("stopped, pid", stopped.Pid)
}
