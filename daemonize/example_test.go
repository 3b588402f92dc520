package daemonize_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"echod/daemonize"
)

// The programs of these examples are tests, and in the places of a test. A program leaves Args and
// Env out, and has its files in /run and /var/log.

// example returns a Daemon that starts an example again, and a directory for it.
func example(name string) (d daemonize.Daemon, dir string) {
	if dir = os.Getenv("EXAMPLE_DIRECTORY"); !daemonize.Detached() {
		var err error
		if dir, err = os.MkdirTemp("", "example"); err == nil {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			panic(err)
		}
		os.Setenv("EXAMPLE_DIRECTORY", dir)
	}
	return daemonize.Daemon{
		Args:         []string{os.Args[0], "-test.run=^" + name + "$"},
		Env:          []string{"EXAMPLE_DIRECTORY"},
		PidFile:      filepath.Join(dir, "hello.pid"),
		ReadyTimeout: 15 * time.Second,
	}, dir
}

// end ends the daemon of an example.
func end(d daemonize.Daemon, dir string) {
	if daemonize.Detached() {
		return
	}
	if _, err := (daemonize.Stop{Timeout: 10 * time.Second}).Stop(context.Background(), d.PidFile); err != nil {
		fmt.Println(err)
	}
	os.RemoveAll(dir)
}

// hello serves until it is told to end. What goes wrong before Ready is seen where the
// daemon was started; what happens later is in the log, a panic too.
func hello(ctx context.Context, p *daemonize.Process, logPath string) error {
	f, err := os.OpenFile(logPath, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.LogTo(f); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Print("greeting ", r.URL.Path)
		fmt.Fprintln(w, "hello")
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := p.Ready("http://" + listener.Addr().String()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A complete daemon. The shell that starts it gets its prompt back when the port answers, or else
// the reason why it does not.
func ExampleDaemon_Run() {
	d, dir := example("ExampleDaemon_Run")
	defer end(d, dir)
	logPath := filepath.Join(dir, "hello.log")

	launched, err := d.Run(func(ctx context.Context, p *daemonize.Process) error {
		return hello(ctx, p, logPath)
	})
	if err != nil {
		log.Print(err)
		return
	}
	if launched == nil {
		return // the daemon, when it has served
	}

	// From here on this is the launcher.
	response, err := http.Get(launched.Message)
	if err != nil {
		log.Print(err)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	text, _ := os.ReadFile(logPath)
	fmt.Printf("the daemon says: %sits log ends with: %s", body, text[len("2006/01/02 15:04:05 "):])
	// Output:
	// the daemon says: hello
	// its log ends with: greeting /
}

// A listener that the launcher has opened goes on to the daemon. An address that is in use is found
// out before anything is started.
func ExampleProcess_File() {
	d, dir := example("ExampleProcess_File")
	defer end(d, dir)
	if !daemonize.Detached() {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Print(err)
			return
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			log.Print(err)
			return
		}
		d.Files = map[string]*os.File{"web": file}
	}

	launched, err := d.Run(func(ctx context.Context, p *daemonize.Process) error {
		listener, err := net.FileListener(p.File("web"))
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		if err := p.Ready(listener.Addr().String()); err != nil {
			return err
		}
		for {
			conn, err := listener.Accept()
			if err != nil {
				return context.Cause(ctx)
			}
			fmt.Fprintln(conn, "hello")
			conn.Close()
		}
	})
	if err != nil {
		log.Print(err)
		return
	}
	if launched == nil {
		return
	}

	conn, err := net.Dial("tcp", launched.Message)
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	text, _ := io.ReadAll(conn)
	fmt.Printf("%s", text)
	// Output: hello
}

// A daemon that is started by root and becomes another user, who can remove the pid file from a
// directory of its own.
func ExampleProcess_DropPrivileges() {
	d, dir := example("ExampleProcess_DropPrivileges")
	name := "nobody"
	if os.Geteuid() != 0 {
		name = strconv.Itoa(os.Geteuid()) // others cannot become another user
	}
	identity, err := daemonize.LookupIdentity(name)
	if err != nil {
		log.Print(err)
		return
	}
	d.RuntimeDirectory = filepath.Join(dir, "run")
	d.PidFile = filepath.Join(d.RuntimeDirectory, "hello.pid")
	d.Identity = identity
	defer end(d, dir)

	launched, err := d.Run(func(ctx context.Context, p *daemonize.Process) error {
		// First open what takes root: a port below 1024, the log.
		if err := p.DropPrivileges(); err != nil {
			return err
		}
		if err := p.Ready(fmt.Sprint("is the user: ", os.Geteuid() == identity.UID)); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
	if err != nil {
		log.Print(err)
		return
	}
	if launched == nil {
		return
	}

	fmt.Println(launched.Message)
	// Output: is the user: true
}

// What a verb status says.
func ExampleFind() {
	holder, err := daemonize.Find("/nonexistent/hello.pid")
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
	// Output: not running
}

// What a verb stop does: TERM, and KILL after ten seconds.
func ExampleStop() {
	stopped, err := daemonize.Stop{Timeout: 10 * time.Second}.Stop(context.Background(), "/nonexistent/hello.pid")
	switch {
	case errors.Is(err, daemonize.ErrNotRunning):
		fmt.Println("was not running")
	case err != nil:
		fmt.Println("stop:", err)
	default:
		fmt.Println("stopped, pid", stopped.Pid)
	}
	// Output: was not running
}
