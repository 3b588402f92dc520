package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Whatever the sizes of messages and reads, what comes back is what was sent, and
// nothing else, until the end of the stream.
func TestEchoIsByteExact(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		for range 8 {
			sent := randomBytes(rand.IntN(1 << rand.IntN(22)))
			if got := roundTrip(t, f.dial(), sent); !bytes.Equal(got, sent) {
				t.Errorf("sent %d bytes, got %d that are not the same", len(sent), len(got))
			}
		}
	})
}

// roundTrip sends all of data in pieces of random sizes, then the end of the stream, while it reads
// until the end of the stream.
func roundTrip(t *testing.T, conn halfConn, data []byte) []byte {
	t.Helper()
	sentC := make(chan error, 1)
	go func() {
		for len(data) > 0 {
			n := min(len(data), 1+rand.IntN(1<<rand.IntN(18)))
			if _, err := conn.Write(data[:n]); err != nil {
				sentC <- err
				return
			}
			data = data[n:]
		}
		sentC <- conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	if err := <-sentC; err != nil {
		t.Error(err)
	}
	return got
}

// A client that has shut down its sending side before it begins to read gets everything, then the
// end.
func TestHalfClose(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		sent := randomBytes(40_000)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("sent %d bytes, got %d, error %v", len(sent), len(got), err)
		}
		f.log.await(t, 1, "connection closed", "bytes=40000", "reason=eof")
	})
}

func TestManyClientsAtOnce(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		const clients = 300
		f.start()
		var connected, done sync.WaitGroup
		connected.Add(clients)
		for i := range clients {
			conn := f.dial()
			done.Go(func() {
				message := fmt.Appendf(nil, "client %d was here", i)
				exchange(t, conn, message)
				connected.Done()
				connected.Wait() // nobody leaves before all have come
				exchange(t, conn, message)
				conn.Close()
			})
		}
		done.Wait()
		f.log.await(t, clients, "connection closed")
		waitUntil(t, "all have been counted out", func() bool {
			st := f.server.Stats()
			return st.Accepted == clients && st.Active == 0
		})
	})
}

// A client that sends without reading is not read from for ever. When it does read, all is there.
func TestClientThatDoesNotReadIsHeldBack(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		sent := sendUntilStuck(t, conn)
		if st := f.server.Stats(); st.BytesReceived-st.BytesSent > 1<<20 {
			t.Errorf("the server holds %d bytes for one client", st.BytesReceived-st.BytesSent)
		}
		conn.SetDeadline(time.Now().Add(patience))
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("sent %d bytes, got %d, error %v", len(sent), len(got), err)
		}
	})
}

// sendUntilStuck sends until nothing has been taken for a while and returns what was.
func sendUntilStuck(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	var sent []byte
	for {
		chunk := randomBytes(1 << 20)
		conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Write(chunk)
		sent = append(sent, chunk[:n]...)
		if n == 0 && os.IsTimeout(err) {
			return sent
		}
		if err != nil && !os.IsTimeout(err) {
			t.Error(err)
			return sent
		}
	}
}

// A client that breaks off in the middle is counted as such and does no harm to others.
func TestReset(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		other := f.dial()
		broken := f.dial()
		exchange(t, broken, []byte("so far so good"))
		if _, err := broken.Write(randomBytes(1 << 16)); err != nil {
			t.Fatal(err)
		}
		if tcp, ok := broken.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		broken.Close() // with bytes unread, so that a Unix socket is reset too
		f.log.await(t, 1, "connection closed", "reason=reset")
		exchange(t, other, []byte("still there"))
	})
}
