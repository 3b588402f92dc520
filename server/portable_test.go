package server

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"
)

// A client is idle only if nothing moved for the whole of IdleTimeout: a client that sends a byte,
// or takes one, now and then is not.
func TestIdleTimeCountsFromTheLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		log := newLogbook()
		s, v := &Server{Logger: textLogger(log)}, new(Service)
		v.Apply(Terms{IdleTimeout: time.Minute})
		go s.Serve(newScriptedListener(conn), v)

		message := []byte("0123456789")
		for range 5 {
			time.Sleep(59 * time.Second)
			if _, err := client.Write(message); err != nil {
				t.Fatal(err)
			}
			for range message { // net.Pipe has no buffer: the server's write waits for these
				time.Sleep(59 * time.Second)
				if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
		last := time.Now()
		if _, err := client.Read(message); err != io.EOF {
			t.Fatal(err)
		}
		if idle := time.Since(last); idle != time.Minute {
			t.Errorf("closed after %v", idle)
		}
		synctest.Wait()
		if lines, _ := log.matching("bytes=50", "reason=idle"); len(lines) != 1 {
			t.Errorf("log: %q", log.lines)
		}
		s.Close()
	})
}

// A fault in the program must not be swallowed: it ends the process, and its text is on standard
// error.
func TestPanicIsNotHidden(t *testing.T) {
	if os.Getenv("SERVER_TEST_PANIC") != "" {
		_, conn := net.Pipe()
		s := new(Server)
		s.Serve(newScriptedListener(panickingConn{conn}), nil)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "SERVER_TEST_PANIC=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("panic: the client panics")) {
		t.Errorf("%v\n%s", err, out)
	}
}

type panickingConn struct{ net.Conn }

func (panickingConn) Read([]byte) (int, error) { panic("the client panics") }

// A connection that knows no deadlines can be ended too.
func TestEndWithoutDeadlines(t *testing.T) {
	client, conn := net.Pipe()
	defer client.Close()
	s := new(Server)
	servedC := make(chan error, 1)
	go func() { servedC <- s.Serve(newScriptedListener(deadlineless{conn}), nil) }()
	client.SetDeadline(time.Now().Add(patience))
	exchange(t, client, []byte("hello"))
	closedC := make(chan error, 1)
	go func() { closedC <- s.Close() }()
	wait(t, "Close", closedC)
	wait(t, "Serve", servedC)
}

type deadlineless struct{ net.Conn }

func (deadlineless) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (deadlineless) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
