package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// arrival is what a wire's reader got: a whole message, or the error that
// ended the connection.
type arrival struct {
	wire *wire
	data []byte
	at   time.Time
	err  error
}

// wire is one connection of a Pinger, with the goroutine that reads from it.
type wire struct {
	conn    net.Conn
	hungUpC chan struct{} // closed by close
	doneC   chan struct{} // closed when the reader has ended
}

// read hands every message of size bytes that comes over the wire to
// arrivedC, with the time at which its last byte was there.
func (w *wire) read(stream bool, size int, arrivedC chan<- arrival) {
	defer close(w.doneC)
	for {
		// A datagram has room for one byte too many: longer must be seen to be longer.
		buf := make([]byte, size+1)
		var n int
		var err error
		if stream {
			n, err = io.ReadFull(w.conn, buf[:size])
		} else {
			n, err = w.conn.Read(buf)
		}
		select {
		case arrivedC <- arrival{wire: w, data: buf[:n], at: time.Now(), err: err}:
		case <-w.hungUpC:
			return
		}
		// A datagram socket has reported what became of one message, and goes on.
		if err != nil && (stream || errors.Is(err, net.ErrClosed)) {
			return
		}
	}
}

// write sends one message, for at most timeout, and not after ctx has ended.
func (w *wire) write(ctx context.Context, message []byte, timeout time.Duration) error {
	w.conn.SetWriteDeadline(time.Now().Add(timeout))
	defer whenDone(ctx, func() { w.conn.SetWriteDeadline(time.Unix(0, 1)) })()
	_, err := w.conn.Write(message)
	return err
}

// close ends the connection and waits for the reader.
func (w *wire) close() {
	close(w.hungUpC)
	w.conn.Close()
	<-w.doneC
}
