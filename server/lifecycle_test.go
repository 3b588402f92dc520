package server

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Shutdown takes no new clients and lets those that are there finish in their own time.
func TestShutdownWaitsForClients(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("before"))
		downC := make(chan error, 1)
		go func() { downC <- f.server.Shutdown(context.Background()) }()

		if err := wait(t, "Serve to return", f.servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if late, err := net.Dial(f.addr.Network(), f.addr.String()); err == nil {
			late.Close()
			t.Error("a new client was let in")
		}
		exchange(t, conn, []byte("after"))
		select {
		case err := <-downC:
			t.Fatalf("Shutdown returned %v while a client was there", err)
		default:
		}
		conn.Close()
		if err := wait(t, "Shutdown", downC); err != nil {
			t.Error(err)
		}
	})
}

// When its time is over, Shutdown closes those who stayed.
func TestShutdownEndsWithItsContext(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("hello"))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := f.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v", err)
		}
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client read %d bytes, %v", n, err)
		}
		f.log.await(t, 1, "connection closed", "bytes=5", "reason=shutdown")
	})
}

// What had been read when Close was called still reaches the client.
func TestCloseSendsWhatWasRead(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		sent := sendUntilStuck(t, conn)
		conn.SetDeadline(time.Now().Add(patience))
		closedC := make(chan error, 1)
		go func() { closedC <- f.server.Close() }()
		wait(t, "Serve to return", f.servedC)

		got, err := io.ReadAll(conn)
		if err != nil {
			t.Error(err)
		}
		if err := wait(t, "Close", closedC); err != nil {
			t.Error(err)
		}
		st := f.server.Stats()
		if uint64(len(got)) != st.BytesReceived || st.BytesSent != st.BytesReceived {
			t.Errorf("the server read %d bytes and sent %d, the client got %d",
				st.BytesReceived, st.BytesSent, len(got))
		}
		if string(got) != string(sent[:len(got)]) {
			t.Error("the client got other bytes than it sent")
		}
	})
}

// Clients that never take what they are sent delay Close, but not for ever.
func TestCloseGivesUpOnStuckClients(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		const clients = 3
		f.start()
		var stuck sync.WaitGroup
		for range clients {
			conn := f.dial()
			stuck.Go(func() { sendUntilStuck(t, conn) })
		}
		stuck.Wait()
		closedC := make(chan error, 1)
		go func() { closedC <- f.server.Close() }()
		wait(t, "Close", closedC)
		f.log.await(t, clients, "connection closed", "reason=shutdown")
		if st := f.server.Stats(); st.Active != 0 {
			t.Errorf("%d clients are left", st.Active)
		}
	})
}

func TestServeAfterClose(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.Close()
		l := listen(t, f.network)
		if err := f.server.Serve(l, &f.service); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener was left open: Accept returned %v", err)
		}
	})
}

// Close and Shutdown may be called again, at the same time, and without Serve.
func TestCloseTwice(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		exchange(t, f.dial(), []byte("x"))
		doneC := make(chan error)
		for range 3 {
			go func() { doneC <- f.server.Close() }()
			go func() { doneC <- f.server.Shutdown(context.Background()) }()
		}
		for range 6 {
			if err := wait(t, "Close and Shutdown", doneC); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSeveralListeners(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		first := f.dial()
		f.start()
		second := f.dial()
		exchange(t, first, []byte("one"))
		exchange(t, second, []byte("two"))
		if st := f.server.Stats(); st.Accepted != 2 || st.Active != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestIdleClientIsClosed(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.terms.IdleTimeout = time.Second
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("hello"))
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read %d bytes, %v", n, err)
		}
		f.log.await(t, 1, "connection closed", "bytes=5", "reason=idle")
	})
}

// A client that sends and then neither sends nor reads is idle too, though the server owes it
// something.
func TestStuckClientIsIdle(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.terms.IdleTimeout = 500 * time.Millisecond
		f.start()
		conn := f.dial()
		go conn.Write(make([]byte, 64<<20))
		f.log.await(t, 1, "connection closed", "reason=idle")
	})
}
