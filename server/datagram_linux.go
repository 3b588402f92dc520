package server

import (
	"net"
	"net/netip"
	"slices"
)

// echo serves the socket until it is stopped or receiving fails for good. A UDP socket is served by
// system calls that never block, that the scheduler is not told of, and that move several datagrams at
// a time. The runtime's poller waits when there is nothing to do.
func (d *datagramSocket) echo() error {
	conn, ok := d.conn.(*net.UDPConn)
	if !ok {
		return d.echoPackets()
	}
	b, err := d.openBatch(conn)
	if err != nil {
		return err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for {
		if err := raw.Read(b.drain); err != nil && !d.goesOn(err) {
			return err
		}
		if len(b.left) > 0 {
			d.tasks.sending.Store(true)
			if err := raw.Write(b.flush); err != nil {
				b.drop(err) // there was no room until the socket was stopped
			}
			d.tasks.sending.Store(false)
			d.publish()
		}
		d.attend()
		if b.err != nil || d.stopping.Load() {
			return b.err
		}
	}
}

// openBatch sets on a socket what it needs to be served.
func (d *datagramSocket) openBatch(conn *net.UDPConn) (*datagramBatch, error) {
	if err := forbidBroadcast(conn); err != nil {
		return nil, err
	}
	arrivals := !d.boundToOne()
	if arrivals {
		if err := receiveArrivals(conn); err != nil {
			return nil, err
		}
	}
	return newDatagramBatch(d, arrivals), nil
}

// boundToOne tells whether the socket has one address of this machine. Then it receives no broadcast or
// multicast, and the kernel answers from that address without being told.
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
