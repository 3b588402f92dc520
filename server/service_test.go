package server

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Two services of one server have their own limits, log lines and counters; the server has the sum.
func TestServicesHaveTheirOwnLimits(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		other := anotherSource(t)
		f.service.Name = "narrow"
		f.terms.Limits.PerSource = 1
		wide := &Service{Name: "wide"}
		f.serveAs(wide)
		wideAddr := f.addr
		f.start()
		exchange(t, f.dial(), []byte("1"))
		exchange(t, f.dialFrom(other), []byte("22"))
		f.sentAway(nil)
		f.log.await(t, 1, "connection refused", "service=narrow", "reason=source-limit")

		f.addr = wideAddr
		for range 5 {
			exchange(t, f.dial(), []byte("333"))
		}
		f.log.await(t, 5, "connection opened", "service=wide", "local="+wideAddr.String())
		waitUntil(t, "all is counted", func() bool {
			return f.service.Stats() == Stats{
				Active: 2, Accepted: 2, BytesReceived: 3, BytesSent: 3, Refused: Refusals{RefusedSourceLimit: 1},
			} && wide.Stats() == Stats{Active: 5, Accepted: 5, BytesReceived: 15, BytesSent: 15}
		})
		if got := f.server.Stats(); got != (Stats{
			Active: 7, Accepted: 7, BytesReceived: 18, BytesSent: 18, Refused: Refusals{RefusedSourceLimit: 1},
		}) {
			t.Errorf("all services: %+v", got)
		}
		names := make(map[string]int)
		for info := range f.server.Sessions() {
			names[info.Service]++
		}
		if names["narrow"] != 2 || names["wide"] != 5 || len(names) != 2 {
			t.Errorf("the sessions are of %v", names)
		}
	})
}

// A service with a limit of connections lets others be served when it is reached. Its clients wait,
// and are served when there is room.
func TestConnectionsOfAService(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.service.Name = "narrow"
		f.terms.Limits.Connections = 1
		f.serveAs(new(Service))
		freeAddr := f.addr
		f.start()
		first := f.dial()
		exchange(t, first, []byte("first"))
		second := f.dial()
		if _, err := second.Write([]byte("second")); err != nil {
			t.Fatal(err)
		}
		f.log.await(t, 1, "connection limit reached", "service=narrow", "limit=1")
		unanswered(t, second)
		narrowAddr := f.addr
		f.addr = freeAddr
		exchange(t, f.dial(), []byte("of the other service"))
		first.Close()
		answered(t, second, "second")
		f.addr = narrowAddr
		third := f.dial()
		if _, err := third.Write([]byte("third")); err != nil {
			t.Fatal(err)
		}
		unanswered(t, third)
		f.terms.Limits.Connections = 2
		f.service.Apply(f.terms)
		answered(t, third, "third")
	})
}

// New terms come while clients are served: these stay, with their ids and counters, and the limits
// count them.
func TestApplyUnderLoad(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		f.start()
		const clients = 4
		conns := make([]halfConn, clients)
		for i := range conns {
			conns[i] = f.dial()
			exchange(t, conns[i], []byte("there"))
		}
		var busy sync.WaitGroup
		doneC := make(chan struct{})
		for _, conn := range conns {
			busy.Go(func() {
				for message := randomBytes(500); ; {
					exchange(t, conn, message)
					select {
					case <-doneC:
						return
					default:
					}
				}
			})
		}
		for i := range 200 {
			f.terms.IdleTimeout = time.Duration(i%3) * time.Hour
			f.terms.Limits.PerSource = i % (clients + 2)
			f.terms.Limits.RatePerSource = float64(i % 2 * 1000)
			f.service.Apply(f.terms)
		}
		f.terms.Limits.PerSource = clients
		f.service.Apply(f.terms)
		f.sentAway(nil)
		close(doneC)
		busy.Wait()
		st := f.service.Stats()
		if st.Active != clients || st.Accepted != clients || st.BytesSent < clients*505 {
			t.Errorf("%+v", st)
		}
		conns[0].Close()
		f.log.await(t, 1, "connection closed", "reason=eof")
		waitUntil(t, "it is not counted any more", func() bool { return f.connectionsTaken() == clients-1 })
		exchange(t, f.dial(), []byte("in its place"))
		f.sentAway(nil)
	})
}

// A new idle timeout holds for the clients that are there, and not from the moment that it comes.
func TestApplyIdleTimeout(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("there"))
		for _, timeout := range []time.Duration{time.Hour, 0, time.Hour} {
			f.service.Apply(Terms{IdleTimeout: timeout})
			exchange(t, conn, []byte("still there"))
		}
		f.service.Apply(Terms{IdleTimeout: time.Millisecond})
		f.log.await(t, 1, "connection closed", "id=1 ", "reason=idle")
		f.service.Apply(Terms{})
		exchange(t, f.dial(), []byte("another"))
	})
}

// What a source has used of a rate is not forgotten when the rate changes.
func TestApplyKeepsWhatIsUsed(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		f.terms.Limits.RatePerSource = 0.001
		f.start()
		exchange(t, f.dial(), []byte("the first"))
		f.terms.Limits.RatePerSource = 0.002
		f.service.Apply(f.terms)
		f.sentAway(nil)
	})
}

// A service that is shut down leaves the others served.
func TestShutdownOfAService(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		ended := &Service{Name: "ended"}
		endedC := f.serveAs(ended)
		leaving := f.dial()
		exchange(t, leaving, []byte("leaving"))
		endedAddr := f.addr
		f.start()
		staying := f.dial()
		exchange(t, staying, []byte("staying"))

		shutC := make(chan error, 1)
		go func() { shutC <- ended.Shutdown(context.Background()) }()
		if err := wait(t, "Serve", endedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if conn, err := net.Dial(endedAddr.Network(), endedAddr.String()); err == nil {
			conn.Close()
			t.Error("the listener was left open")
		}
		exchange(t, leaving, []byte("until it leaves"))
		leaving.Close()
		if err := wait(t, "Shutdown", shutC); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		exchange(t, staying, []byte("on and on"))
		exchange(t, f.dial(), []byte("another"))
		if st := f.server.Stats(); st.Accepted != 3 || st.Active != 2 {
			t.Errorf("%+v", st)
		}
		l := listen(t, f.network)
		if err := f.server.Serve(l, ended); !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve of what was shut down returned %v", err)
		}
	})
}

// Clients that do not leave in time are closed, those of the service only.
func TestShutdownOfAServiceInNoTime(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		ended := new(Service)
		endedC := f.serveAs(ended)
		leaving := f.dial()
		exchange(t, leaving, []byte("leaving"))
		f.start()
		staying := f.dial()
		exchange(t, staying, []byte("staying"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ended.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v", err)
		}
		wait(t, "Serve", endedC)
		f.log.await(t, 1, "connection closed", "id=1 ", "reason=shutdown")
		if n, err := leaving.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
		exchange(t, staying, []byte("on and on"))
	})
}

// Packet sockets go by the terms of their service, and end with it.
func TestServicesOfDatagrams(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f := newDatagrams(t, way, "127.0.0.1:0")
			f.service.Name = "narrow"
			f.terms.Limits.Datagrams.Total = 1
			wide := new(Service)
			pc := f.open()
			servedC := make(chan error, 1)
			go func() { servedC <- f.server.servePacket(pc, wide, way.serve) }()
			conn := f.dial("", f.host())
			for range 5 {
				trade(t, conn, randomBytes(20))
			}
			f.start()
			narrow := f.dial("", f.host())
			waitUntil(t, "the narrow one refuses", func() bool {
				narrow.Write(randomBytes(20))
				return f.service.Stats().Datagrams.Refused[RefusedDatagramRate] > 0
			})
			f.log.await(t, 1, "datagram refused", "service=narrow", "reason=rate")
			want := Stats{BytesReceived: 100, BytesSent: 100, Datagrams: DatagramStats{Received: 5, Sent: 5}}
			waitUntil(t, "all of the wide one is counted", func() bool {
				st := wide.Stats()
				st.Datagrams.DroppedUnknown = false // where the system does not tell
				return st == want
			})
			f.service.Apply(Terms{})
			if err := f.service.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
				t.Errorf("ServePacket returned %v", err)
			}
			trade(t, conn, []byte("the other is served"))
			waitUntil(t, "the last one is counted", func() bool { return wide.Stats().Datagrams.Sent == 6 })
			received := f.service.Stats().Datagrams.Received + 6
			if st := f.server.Stats().Datagrams; st.Received != received || st.Refused[RefusedDatagramRate] == 0 {
				t.Errorf("all: %+v, want %d received", st, received)
			}
			f.server.Close()
			wait(t, "ServePacket", servedC)
		})
	}
}

// A service belongs to one server. One without a name has no name in the log.
func TestServiceOfAnotherServer(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		f.start()
		exchange(t, f.dial(), []byte("one"))
		if lines := f.log.await(t, 1, "connection opened"); strings.Contains(lines[0], "service") {
			t.Errorf("without a name: %s", lines[0])
		}
		l := listen(t, f.network)
		if err := new(Server).Serve(l, &f.service); !errors.Is(err, errOtherServer) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// serveAs is start for another service, without terms, and returns what gets the result of Serve.
func (f *fixture) serveAs(v *Service) <-chan error {
	f.t.Helper()
	l := listen(f.t, f.network)
	f.addr = l.Addr()
	servedC := make(chan error, 1)
	go func() { servedC <- f.server.Serve(l, v) }()
	f.t.Cleanup(func() { f.server.Close() })
	return servedC
}

// A service that does nothing costs kilobytes, whatever it is served on.
func TestManyServices(t *testing.T) {
	const services, bytesPerService = 200, 32 << 10
	var s Server
	defer s.Close()
	before := heapInUse()
	var sockets []net.PacketConn
	all := make([]Service, services)
	for i := range all {
		all[i].Apply(Terms{Limits: Limits{Connections: 10, PerSource: 2}, IdleTimeout: time.Hour})
		if i%2 == 0 {
			go s.Serve(listen(t, "tcp4"), &all[i])
			continue
		}
		pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, pc)
		go s.ServePacket(pc, &all[i])
	}
	for _, pc := range sockets {
		conn, err := net.Dial("udp4", pc.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		trade(t, conn, []byte("a word"))
		conn.Close()
	}
	if cost := heapInUse() - before; cost > services*bytesPerService {
		t.Errorf("%d services cost %d KiB", services, cost>>10)
	}
}

// heapInUse returns the size of what is reachable.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what was in a sync.Pool goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
