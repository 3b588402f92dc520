//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A client has a connection to an echo server.
type client struct{ *net.TCPConn }

func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &client{conn.(*net.TCPConn)}, conn.SetDeadline(time.Now().Add(patience))
}

// exchange sends text, which must come back.
func (c *client) exchange(text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("sent %q, got %q", text, got)
	}
	return nil
}

// finish reads to the end of the stream, where nothing more may come.
func (c *client) finish() error {
	rest, err := io.ReadAll(c)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("got %q before the end", rest)
	}
	return err
}

// echoBack is a whole visit to the server: text comes back, then the end of the stream.
func echoBack(address, text string) error {
	c, err := dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.exchange(text); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	return c.finish()
}

// visit is a role: echoBack, for scripts of the shell.
func visit(args []string) int {
	if err := echoBack(args[0], args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "visit %q: %v\n", args, err)
		return 1
	}
	return 0
}

func (s *stage) echoBack(ts *testscript.TestScript, args []string) {
	ts.Check(echoBack(args[0], args[1]))
}

// connect makes a client that stays until it is told to half-close, or the script ends.
func (s *stage) connect(ts *testscript.TestScript, args []string) {
	c, err := dial(args[1])
	ts.Check(err)
	s.clients[args[0]] = c
	s.busy = append(s.busy, c)
}

// say has a client send a text that must come back.
func (s *stage) say(ts *testscript.TestScript, args []string) {
	ts.Check(s.client(ts, args[0]).exchange(args[1]))
}

func (s *stage) halfClose(ts *testscript.TestScript, args []string) {
	ts.Check(s.client(ts, args[0]).CloseWrite())
}

// waitEOF waits until the server has closed the connection of a client, which must have got
// everything already.
func (s *stage) waitEOF(ts *testscript.TestScript, args []string) {
	ts.Check(s.client(ts, args[0]).finish())
}

func (s *stage) client(ts *testscript.TestScript, name string) *client {
	c := s.clients[name]
	if c == nil {
		ts.Fatalf("no client %s", name)
	}
	return c
}

// waitRefused waits until nobody listens at an address.
func (s *stage) waitRefused(ts *testscript.TestScript, args []string) {
	ts.Check(waitUntil("nobody listens at "+args[0], func() bool {
		c, err := dial(args[0])
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	}))
}

// occupy sets a variable to an address at which this process listens until the script ends.
func (s *stage) occupy(ts *testscript.TestScript, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s.busy = append(s.busy, l)
	ts.Setenv(args[0], l.Addr().String())
	ts.Setenv(args[0]+"_PID", fmt.Sprint(os.Getpid()))
}

// portFree sees to it that addresses can be listened at.
func (s *stage) portFree(ts *testscript.TestScript, args []string) {
	for _, address := range args {
		l, err := net.Listen("tcp", address)
		ts.Check(err)
		ts.Check(l.Close())
	}
}

// holdLocked has another process hold a file the way a daemon does that is still starting, until
// the script ends. HOLDER is its pid.
func (s *stage) holdLocked(ts *testscript.TestScript, args []string) {
	cmd := exec.Command(s.bin+"/lock-pid-file", ts.MkAbs(args[0]))
	release, err := cmd.StdinPipe()
	ts.Check(err)
	said, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	s.busy = append(s.busy, closing(func() error { release.Close(); return cmd.Wait() }))
	line, err := bufio.NewReader(said).ReadString('\n')
	ts.Check(err)
	if strings.TrimSpace(line) != "locked" {
		ts.Fatalf("lock-pid-file said %q", line)
	}
	ts.Setenv("HOLDER", fmt.Sprint(cmd.Process.Pid))
}

type closing func() error

func (f closing) Close() error { return f() }

// lockPidFile is a role: it holds a file as a daemon does, until its standard input ends. To
// read the content, or to open it again, would be to lose the lock of fcntl(2).
func lockPidFile(args []string) int {
	f, err := os.OpenFile(args[0], os.O_RDWR|os.O_CREATE, 0o644)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("locked")
	io.Copy(io.Discard, os.Stdin)
	return 0
}
