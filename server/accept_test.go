package server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A scriptedListener accepts what its script says, then nothing until it is closed.
type scriptedListener struct {
	script []any // net.Conn or error
	times  []time.Time
	once   sync.Once
	closed chan struct{}
}

func newScriptedListener(script ...any) *scriptedListener {
	return &scriptedListener{script: script, closed: make(chan struct{})}
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	l.times = append(l.times, time.Now())
	if len(l.script) == 0 {
		<-l.closed
		return nil, net.ErrClosed
	}
	next := l.script[0]
	l.script = l.script[1:]
	if conn, ok := next.(net.Conn); ok {
		return conn, nil
	}
	return nil, next.(error)
}

func (l *scriptedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *scriptedListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7007}
}

func acceptError(errno syscall.Errno) error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", errno)}
}

// While descriptors are lacking, accepting is tried again after pauses from 5 ms to 1 s, which
// start anew once it has worked, and the log does not fill up.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		defer client.Close()
		var script []any
		for range 12 {
			script = append(script, acceptError(syscall.EMFILE))
		}
		l := newScriptedListener(append(script, conn, acceptError(syscall.ENFILE))...)
		var log bytes.Buffer
		s := &Server{Logger: textLogger(&log)}
		go s.Serve(l, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.Close()

		var pauses []time.Duration
		for i, at := range l.times[1:] {
			pauses = append(pauses, at.Sub(l.times[i]))
		}
		const ms = time.Millisecond
		want := []time.Duration{
			5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms,
			time.Second, time.Second, time.Second, time.Second, 0, 5 * ms,
		}
		if len(pauses) != len(want) {
			t.Fatalf("pauses %v", pauses)
		}
		for i := range want {
			if pauses[i] != want[i] {
				t.Errorf("pause %d: %v, want %v", i, pauses[i], want[i])
			}
		}
		if n := strings.Count(log.String(), "accept failed"); n < 2 || n > 6 {
			t.Errorf("%d warnings:\n%s", n, log.String())
		}
	})
}

// An error of one connection, of the network, or one that is not known at all does not end the
// server: see "Error handling" in accept(2).
func TestAcceptErrorsAreOutlived(t *testing.T) {
	for _, err := range []error{
		acceptError(syscall.EPROTO), acceptError(syscall.ENETDOWN), acceptError(syscall.EHOSTUNREACH),
		acceptError(syscall.EOPNOTSUPP), acceptError(syscall.EPERM), acceptError(syscall.EIO),
		errors.New("something else"),
	} {
		t.Run(err.Error(), func(t *testing.T) {
			client, conn := net.Pipe()
			defer client.Close()
			s := new(Server)
			servedC := make(chan error, 1)
			go func() { servedC <- s.Serve(newScriptedListener(err, conn), nil) }()
			exchange(t, client, []byte("hello"))
			s.Close()
			if err := wait(t, "Serve", servedC); !errors.Is(err, ErrServerClosed) {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// An error that can never get better ends Serve, on every engine, however often the kernel reports
// it.
func TestListenerShutDownEndsServe(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("shutdown(2) of a listening socket is not the same everywhere")
	}
	forEach(t, func(t *testing.T, f *fixture) {
		l := listen(t, f.network)
		other, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		f.serve(l)
		exchange(t, f.dial(), []byte("hello"))
		if err := syscall.Shutdown(int(other.Fd()), syscall.SHUT_RDWR); err != nil {
			t.Fatal(err)
		}
		if err := wait(t, "Serve", f.servedC); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// A listener for another server, such as that of net/http, outlives the same errors.
func TestRetryAccept(t *testing.T) {
	client, conn := net.Pipe()
	defer client.Close()
	log := newLogbook()
	l := RetryAccept(newScriptedListener(acceptError(syscall.EPROTO), conn), textLogger(log))
	if got, err := l.Accept(); got != conn || err != nil {
		t.Errorf("Accept returned %v, %v", got, err)
	}
	log.await(t, 1, "level=WARN", "accept failed", "protocol error", "retry_in=5ms")
	acceptedC := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		acceptedC <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := wait(t, "Accept", acceptedC); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v", err)
	}
	if _, err := RetryAccept(newScriptedListener(acceptError(syscall.EBADF)), nil).Accept(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Accept returned %v", err)
	}
}

// Closing a listener ends the pause after an error.
func TestRetryAcceptClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := make([]any, 100)
		for i := range script {
			script[i] = acceptError(syscall.EMFILE)
		}
		l := RetryAccept(newScriptedListener(script...), nil)
		acceptedC := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			acceptedC <- err
		}()
		time.Sleep(10 * time.Second)
		before := time.Now()
		l.Close()
		if err := <-acceptedC; !errors.Is(err, net.ErrClosed) || time.Since(before) != 0 {
			t.Errorf("Accept returned %v after %v", err, time.Since(before))
		}
	})
}

func TestPermanentAcceptErrorEndsServe(t *testing.T) {
	permanent := acceptError(syscall.EBADF)
	l := newScriptedListener(permanent)
	s := new(Server)
	if err := s.Serve(l, nil); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Serve returned %v", err)
	}
	select {
	case <-l.closed:
	default:
		t.Error("the listener was left open")
	}
}

// A server that is backing off ends at once when it is shut down.
func TestShutdownDuringBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := make([]any, 100)
		for i := range script {
			script[i] = acceptError(syscall.EMFILE)
		}
		s := new(Server)
		servedC := make(chan error, 1)
		go func() { servedC <- s.Serve(newScriptedListener(script...), nil) }()
		time.Sleep(5 * time.Second)
		before := time.Now()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-servedC; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if waited := time.Since(before); waited != 0 {
			t.Errorf("it took %v", waited)
		}
	})
}
