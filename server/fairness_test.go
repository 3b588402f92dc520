package server

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
)

// A client that sends without end and reads as fast as it can leaves the others their turns.
func TestBulkClientDoesNotStarveOthers(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		const clients, rounds = 100, 20
		f.start()
		bulk := f.dial()
		var moving, done sync.WaitGroup
		moving.Go(func() { io.Copy(io.Discard, bulk) })
		moving.Go(func() {
			for chunk := randomBytes(1 << 20); ; {
				if _, err := bulk.Write(chunk); err != nil {
					return // closed by the test
				}
			}
		})
		waitUntil(t, "bytes flow", func() bool { return f.server.Stats().BytesSent > 4<<20 })
		for i := range clients {
			conn := f.dial()
			done.Go(func() {
				message := fmt.Appendf(nil, "client %d", i)
				for range rounds {
					exchange(t, conn, message)
				}
				conn.Close()
			})
		}
		done.Wait()
		bulk.Close()
		moving.Wait()
		f.log.await(t, clients+1, "connection closed")
	})
}

// Clients that send and never read cost a bounded amount of memory, and others nothing. When
// they read at last they get all they sent.
func TestClientsThatDoNotReadCostLittle(t *testing.T) {
	forEachOn(t, []string{"tcp4", "unix"}, func(t *testing.T, f *fixture) {
		const clients = 4
		f.start()
		other := f.dial()
		var sending sync.WaitGroup
		stuck, sent := make([]halfConn, clients), make([][]byte, clients)
		for i := range clients {
			stuck[i] = f.dial()
			sending.Go(func() { sent[i] = sendUntilStuck(t, stuck[i]) })
		}
		exchange(t, other, []byte("while they send"))
		sending.Wait()
		exchange(t, other, []byte("when they are stuck"))
		waitUntil(t, "the server holds one buffer for each client", func() bool {
			st := f.server.Stats() // which may count an answer a moment after it was read
			return st.BytesReceived-st.BytesSent <= clients*maxRead
		})
		f.checkBuffers(clients)

		var reading sync.WaitGroup
		for i, conn := range stuck {
			conn.SetDeadline(time.Now().Add(patience))
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			reading.Go(func() {
				if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent[i]) {
					t.Errorf("sent %d bytes, got %d, %v", len(sent[i]), len(got), err)
				}
			})
		}
		reading.Wait()
		f.log.await(t, clients, "connection closed", "reason=eof")
		f.checkBuffers(0)
	})
}
