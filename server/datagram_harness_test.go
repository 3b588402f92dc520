package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"
)

// A datagramCase is one of the ways to serve a socket. All must behave the same, but that only the
// first two know which address was asked.
type datagramCase struct {
	name  string
	serve datagramWay
}

func datagramCases() []datagramCase {
	return []datagramCase{
		{"native", (*datagramSocket).native},
		{"messages", (*datagramSocket).messages},
		{"packets", (*datagramSocket).packets},
	}
}

// forEachWay runs a test for each way to serve datagrams, on each kind of UDP socket.
func forEachWay(t *testing.T, test func(t *testing.T, f *datagrams)) {
	t.Helper()
	for _, way := range datagramCases() {
		for _, local := range []string{"127.0.0.1:0", "[::1]:0", ":0", "0.0.0.0:0"} {
			t.Run(way.name+"/"+local, func(t *testing.T) {
				t.Parallel()
				test(t, newDatagrams(t, way, local))
			})
		}
	}
}

// datagrams is a server of datagrams with its log, and what is needed to talk to it.
type datagrams struct {
	t      *testing.T
	way    datagramCase
	local  string // where start listens
	server Server
	log    *logbook

	service Service // of all sockets
	terms   Terms   // of the service

	port    int
	servedC <-chan error // what the last ServePacket returned
}

func newDatagrams(t *testing.T, way datagramCase, local string) *datagrams {
	d := &datagrams{t: t, way: way, local: local, log: newLogbook()}
	d.server.Logger = textLogger(d.log)
	return d
}

// start serves one more socket, the one to dial from now on, until the test ends.
func (f *datagrams) start() net.PacketConn {
	f.t.Helper()
	pc := f.open()
	f.serve(pc)
	return pc
}

func (f *datagrams) open() net.PacketConn {
	f.t.Helper()
	a, err := ParseAddress("udp://" + f.local)
	if err != nil {
		f.t.Fatal(err)
	}
	pc, err := a.ListenPacket(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	f.port = pc.LocalAddr().(*net.UDPAddr).Port
	return pc
}

func (f *datagrams) serve(pc net.PacketConn) {
	servedC := make(chan error, 1)
	f.servedC = servedC
	f.service.Apply(f.terms)
	go func() { servedC <- f.server.servePacket(pc, &f.service, f.way.serve) }()
	f.t.Cleanup(func() { f.server.Close() })
}

// host is an address that the server can be asked at.
func (f *datagrams) host() string {
	if host, _, _ := net.SplitHostPort(f.local); host != "" && host != "0.0.0.0" {
		return host
	}
	return "127.0.0.1"
}

// dial returns a client of the server at host, bound to local, or to any address if that is "".
func (f *datagrams) dial(local, host string) *net.UDPConn {
	f.t.Helper()
	var dialer net.Dialer
	if local != "" {
		addr, err := net.ResolveUDPAddr("udp", local)
		if err != nil {
			f.t.Fatal(err)
		}
		dialer.LocalAddr = addr
	}
	conn, err := dialer.Dial("udp", net.JoinHostPort(host, fmt.Sprint(f.port)))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.UDPConn)
}

// trade sends one datagram and waits for one, which must be the same.
func trade(t *testing.T, conn net.Conn, message []byte) {
	t.Helper()
	if _, err := conn.Write(message); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, datagramBuffer)
	n, err := conn.Read(got)
	if err != nil || !bytes.Equal(got[:n], message) {
		t.Errorf("sent %d bytes, got %d, %v", len(message), n, err)
	}
}

// awaitRefused waits until n datagrams have been refused, and checks that all were for the reason
// given.
func (f *datagrams) awaitRefused(n uint64, why Reason) {
	f.t.Helper()
	waitUntil(f.t, "they are refused", func() bool { return f.server.Stats().Datagrams.Refused.Total() >= n })
	for reason, count := range f.server.Stats().Datagrams.Refused.Datagrams() {
		if want := map[bool]uint64{true: n}[reason == why.String()]; count != want {
			f.t.Errorf("refused by reason %s: %d, want %d", reason, count, want)
		}
	}
}
