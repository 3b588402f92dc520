package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name       string
		loops      []float64
		free       float64
		processors int
		from, to   int
	}{
		{"one loop that has time", []float64{0.5}, 1.5, 2, -1, -1},
		{"one full loop and a free processor", []float64{0.95}, 1, 2, 0, 1},
		{"one full loop and no free processor", []float64{0.95}, 0.2, 2, -1, -1},
		{"one full loop on the only processor", []float64{1}, 0.6, 1, -1, -1},
		{"a loop that can help", []float64{0.1, 0.95}, 1, 4, 1, 0},
		{"the least busy one helps the busiest", []float64{0.9, 0.3, 1, 0.2}, 2, 4, 2, 3},
		{"none can help, and a new one can", []float64{0.95, 0.6}, 2, 4, 0, 2},
		{"none can help, and there are enough", []float64{0.95, 0.6}, 0.6, 2, -1, -1},
		{"nobody knows what is free", []float64{0.95}, -1, 4, 0, 1},
		{"nobody knows what is free of two", []float64{0.95}, -1, 2, -1, -1},
		{"nobody knows, but one can help", []float64{0.95, 0.1}, -1, 2, 0, 1},
	} {
		from, to := usage{loops: test.loops, free: test.free}.decide(test.processors)
		if from != test.from || to != test.to {
			t.Errorf("%s: %d, %d; want %d, %d", test.name, from, to, test.from, test.to)
		}
	}
}

func TestUsageSince(t *testing.T) {
	before := usage{at: 1e9, loops: []float64{0.5}, free: 10}
	after := usage{at: 3e9, loops: []float64{2.5, 7}, free: 11}
	got := after.since(before)
	if len(got.loops) != 1 || got.loops[0] != 1 || got.free != 0.5 {
		t.Errorf("%+v", got) // of a loop that has just been made nothing can be told
	}
	before.free = -1
	if got := after.since(before); got.free >= 0 {
		t.Errorf("%v processors are free, though nobody knows", got.free)
	}
}

// twoLoops gives the server of f a second loop, and makes it start no more by itself.
func twoLoops(t *testing.T, f *fixture) (first, second *loop) {
	t.Helper()
	var e *epollEngine
	waitUntil(t, "there is a loop", func() bool {
		e = f.epoll()
		return e != nil && e.loops.Load() != nil
	})
	e.mu.Lock() // quit is set
	e.quit()
	e.mu.Unlock()
	e.spreading.Wait()
	second, err := e.start()
	if err != nil {
		t.Fatal(err)
	}
	first = (*e.loops.Load())[0]
	e.loops.Store(&[]*loop{first, second})
	return first, second
}

// await makes the loop run task and waits until it has.
func (l *loop) await(task func()) {
	doneC := make(chan struct{})
	l.do(func() {
		task()
		close(doneC)
	})
	<-doneC
}

// forEachEpoll runs a test for the engine on every kind of stream socket.
func forEachEpoll(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, network := range []string{"tcp4", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t, engineCase{nativeName, func(*Server) {}}, network))
		})
	}
}

// Clients that go from loop to loop while their bytes flow lose none, and none changes its place.
func TestShareLosesNothing(t *testing.T) {
	forEachEpoll(t, func(t *testing.T, f *fixture) {
		const clients, moves = 8, 10
		f.start()
		first, second := twoLoops(t, f)
		enoughC := make(chan struct{})
		var done sync.WaitGroup
		var all atomic.Uint64
		for range clients {
			conn := f.dial()
			done.Go(func() { all.Add(echoUntil(t, conn, enoughC)) })
		}
		shareTimes(moves, first, second)
		close(enoughC)
		done.Wait()
		f.log.await(t, clients, "connection closed", "reason=eof")
		if st := f.server.Stats(); st.BytesReceived != all.Load() || st.BytesSent != all.Load() {
			t.Errorf("%d bytes were sent, but %+v", all.Load(), st)
		}
	})
}

// echoUntil sends random bytes until enoughC is closed, checks that the same come back, and returns
// how many.
func echoUntil(t *testing.T, conn halfConn, enoughC <-chan struct{}) (all uint64) {
	var seed [32]byte
	copy(seed[:], randomBytes(len(seed)))
	go func() {
		source, chunk := rand.NewChaCha8(seed), make([]byte, 48<<10)
		for {
			select {
			case <-enoughC:
				conn.CloseWrite()
				return
			default:
				source.Read(chunk)
				if _, err := conn.Write(chunk); err != nil {
					return // the reader sees it, too
				}
			}
		}
	}()
	source, got, want := rand.NewChaCha8(seed), make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := conn.Read(got)
		source.Read(want[:n])
		if !bytes.Equal(got[:n], want[:n]) {
			t.Errorf("among the %d bytes after the first %d are some that were not sent", n, all)
		}
		all += uint64(n)
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			return all
		}
	}
}

// shareTimes makes two loops give clients to each other, until this was done so often.
func shareTimes(times int, first, second *loop) {
	for times > 0 {
		was := second.load.Load()
		first.await(func() { first.share(second) })
		second.await(func() {
			if second.load.Load() > was {
				times--
			}
			second.share(first)
		})
	}
}

// A client that is owed something takes that along.
func TestHandOverOfAStuckClient(t *testing.T) {
	forEachEpoll(t, func(t *testing.T, f *fixture) {
		f.start()
		first, second := twoLoops(t, f)
		conn := f.dial()
		sent := sendUntilStuck(t, conn)
		exchange(t, f.dial(), []byte("another one"))
		first.await(func() { giveAll(first, second) })
		first.await(func() {
			if n := first.load.Load(); n != 0 {
				t.Errorf("the first loop still has %d clients", n)
			}
		})
		conn.SetDeadline(time.Now().Add(patience))
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("sent %d bytes, got %d, %v", len(sent), len(got), err)
		}
	})
}

// giveAll gives all clients of a loop to another one.
func giveAll(from, to *loop) {
	for c := range from.clients.all {
		if c.stage == stageOpen {
			from.handOver(c, to)
		}
	}
}

// A session that is ended while it belongs to no loop ends when the next one takes it.
func TestDisconnectBetweenLoops(t *testing.T) {
	forEachEpoll(t, func(t *testing.T, f *fixture) {
		f.start()
		first, second := twoLoops(t, f)
		conn := f.dial()
		exchange(t, conn, []byte("hello"))
		f.log.await(t, 1, "connection opened")
		openC := make(chan struct{})
		second.do(func() { <-openC })
		first.await(func() { giveAll(first, second) })
		if !f.server.Disconnect(1) || f.server.Disconnect(1) {
			t.Error("Disconnect did not work once")
		}
		first.await(func() {}) // the first loop has found that the client is not there
		close(openC)
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client read %d bytes, %v", n, err)
		}
		f.log.await(t, 1, "connection closed", "id=1 ", "bytes=5", "reason=disconnected")
	})
}

// The same at any moment: a client that is disconnected, or there when the server is closed, is
// gone soon.
func TestEndWhileClientsMove(t *testing.T) {
	for name, end := range map[string]func(s *Server, clients uint64){
		"disconnected": func(s *Server, clients uint64) {
			for id := range clients {
				s.Disconnect(id + 1)
			}
		},
		"shutdown": func(s *Server, _ uint64) { go s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			forEachEpoll(t, func(t *testing.T, f *fixture) {
				const clients = 200
				f.start()
				first, second := twoLoops(t, f)
				conns := make([]halfConn, clients)
				for i := range conns {
					conns[i] = f.dial()
				}
				f.log.await(t, clients, "connection opened")
				var mover sync.WaitGroup
				quitC, movingC := make(chan struct{}), make(chan struct{})
				mover.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-quitC:
							return
						default:
						}
						movedC := make(chan struct{})
						first.do(func() { giveAll(first, second) })
						second.do(func() { giveAll(second, first); close(movedC) })
						select { // a loop that has stopped runs no task
						case <-movedC:
						case <-quitC:
							return
						}
						if i == 10 {
							close(movingC)
						}
					}
				})
				wait(t, "clients to move", movingC)
				end(&f.server, clients)
				f.log.await(t, clients, "connection closed", fmt.Sprint("reason=", name))
				close(quitC)
				mover.Wait()
				waitUntil(t, "nobody is left", func() bool { return f.server.Stats().Active == 0 })
			})
		})
	}
}
