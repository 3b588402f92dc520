package server

import (
	"errors"
	"net"
	"testing"
)

// A client that comes between Prepare and serve waits, and is served then.
func TestPrepare(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		l := listen(t, f.network)
		serve, err := f.server.Prepare(l, &f.service)
		if err != nil {
			t.Fatal(err)
		}
		defer f.server.Close()
		f.addr = l.Addr()
		conn := f.dial()
		if _, err := conn.Write([]byte("early")); err != nil {
			t.Fatal(err)
		}
		unanswered(t, conn)
		if st := f.server.Stats(); st.Accepted != 0 {
			t.Errorf("before it is served: %+v", st)
		}
		servedC := make(chan error, 1)
		go func() { servedC <- serve() }()
		answered(t, conn, "early")
		f.server.Close()
		if err := wait(t, "serve", servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("serve returned %v", err)
		}
		if conn, err := net.Dial(f.addr.Network(), f.addr.String()); err == nil {
			conn.Close()
			t.Error("the listener was left open")
		}
	})
}

// What is prepared and never served is given back by Close, and then cannot be served.
func TestPreparedButNotServed(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		l := listen(t, f.network)
		serve, err := f.server.Prepare(l, &f.service)
		if err != nil {
			t.Fatal(err)
		}
		f.server.Close()
		l.Close()
		if conn, err := net.Dial(l.Addr().Network(), l.Addr().String()); err == nil {
			conn.Close()
			t.Error("the listener was left open")
		}
		if err := serve(); !errors.Is(err, ErrServerClosed) {
			t.Errorf("serve returned %v", err)
		}
		if _, err := f.server.Prepare(l, &f.service); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Prepare returned %v", err)
		}
	})
}

// Prepare fails, and leaves the listener alone, where Serve would end at once.
func TestPrepareFails(t *testing.T) {
	for _, e := range engineCases() {
		if e.name == portableName {
			continue // there is nothing that could fail
		}
		l := listen(t, "tcp4")
		l.Close()
		f := newFixture(t, e, "tcp4")
		if _, err := f.server.Prepare(l, &f.service); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Prepare returned %v", e.name, err)
		}
		f.server.Close()
	}
}

func TestPreparePacket(t *testing.T) {
	for _, way := range datagramCases() {
		f := newDatagrams(t, way, "127.0.0.1:0")
		pc := f.open()
		serve, err := f.server.preparePacket(pc, &f.service, way.serve)
		if err != nil {
			t.Fatal(err)
		}
		conn := f.dial("", "127.0.0.1")
		servedC := make(chan error, 1)
		go func() { servedC <- serve() }()
		trade(t, conn, []byte("served"))
		f.server.Close()
		if err := wait(t, "serve", servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("%s: serve returned %v", way.name, err)
		}
		pc = f.open()
		if _, err := f.server.PreparePacket(pc, &f.service); !errors.Is(err, ErrServerClosed) {
			t.Errorf("%s: PreparePacket returned %v", way.name, err)
		}
		pc.Close()
	}
}
