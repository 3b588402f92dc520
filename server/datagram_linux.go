package server

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// native is the best datagramWay there is. A UDP socket is served by system calls that never block,
// that the scheduler is not told of, and that move several datagrams at a time. The runtime's
// poller waits when there is nothing to do.
func (d *datagramSocket) native() (func() error, error) {
	conn, ok := d.conn.(*net.UDPConn)
	if !ok {
		return d.packets()
	}
	b := &batchServer{datagramSocket: d, arrivals: !d.boundToOne()}
	if err := b.prepare(conn); err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return func() error { return b.serve(raw) }, nil
}

// A batchServer serves a socket with a batch that it borrows when there is something to do: a batch
// is large, and most sockets of most servers are idle.
type batchServer struct {
	*datagramSocket
	arrivals bool           // the kernel tells where each datagram arrived
	batch    *datagramBatch // nil while there is nothing to do
}

// prepare sets on the socket what it needs to be served.
func (b *batchServer) prepare(conn *net.UDPConn) error {
	if err := forbidBroadcast(conn); err != nil || !b.arrivals {
		return err
	}
	return receiveArrivals(conn)
}

func (b *batchServer) serve(raw syscall.RawConn) error {
	for {
		var ended error
		err := raw.Read(func(fd uintptr) bool {
			b.borrow()
			defer b.giveBack()
			again := b.batch.drain(fd)
			ended = b.batch.err
			return again
		})
		if err != nil && !b.goesOn(err) {
			return err
		}
		if b.batch != nil {
			b.progress.waiting()
			if err := raw.Write(b.batch.flush); err != nil {
				b.batch.drop(err) // there was no room until the socket was stopped
			}
			b.begin()
			b.publish()
			b.giveBack()
		}
		if ended != nil || b.stopping.Load() {
			return ended
		}
	}
}

func (b *batchServer) borrow() {
	if b.batch == nil {
		batch, ok := b.server.batches.Get().(*datagramBatch)
		if !ok {
			batch = newDatagramBatch()
		}
		batch.datagramSocket, batch.arrivals = b.datagramSocket, b.arrivals
		b.batch = batch
	}
}

// giveBack gives the batch back, unless there are answers in it that have to be sent.
func (b *batchServer) giveBack() {
	if len(b.batch.left) == 0 {
		b.batch.datagramSocket, b.batch.err = nil, nil
		b.server.batches.Put(b.batch)
		b.batch = nil
	}
}

// boundToOne tells whether the socket has one address of this machine. Then it receives no
// broadcast or multicast, and the kernel answers from that address without being told.
func (d *datagramSocket) boundToOne() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	own := d.bound.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		prefix, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		ip, ok := netip.AddrFromSlice(prefix.IP)
		return ok && ip.Unmap() == own
	})
}
