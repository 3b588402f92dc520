package server

import "syscall"

// socketDrops counts what the kernel has dropped of what was sent to a socket since it is served,
// most likely because the queue was full. What was dropped before belongs to the process that
// served the socket then. Server.mu guards it.
type socketDrops struct {
	raw   syscall.RawConn // nil if the system does not tell
	last  uint32          // the kernel's count, which begins again at 0 after 2^32
	total uint64
}

// newSocketDrops takes any net.PacketConn, but learns only of sockets that have a descriptor.
func newSocketDrops(socket any) socketDrops {
	var d socketDrops
	if c, ok := socket.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			d.raw = raw
			if d.last, ok = d.ask(); !ok {
				d.raw = nil
			}
		}
	}
	return d
}

func (d *socketDrops) ask() (drops uint32, ok bool) {
	err := d.raw.Control(func(fd uintptr) { drops, ok = kernelDrops(fd) })
	return drops, ok && err == nil
}

// addTo asks the kernel, unless the socket has been closed, and adds the count to stats.
func (d *socketDrops) addTo(stats *DatagramStats) {
	if d.raw == nil {
		stats.DroppedUnknown = true
		return
	}
	if now, ok := d.ask(); ok {
		d.total += uint64(now - d.last)
		d.last = now
	}
	stats.Dropped += d.total
}

// addDrops adds what the kernel has dropped of all sockets of the service, the closed ones
// too. Server.mu is held.
func (v *Service) addDrops(stats *DatagramStats) {
	stats.Dropped += v.droppedBefore.Dropped
	stats.DroppedUnknown = stats.DroppedUnknown || v.droppedBefore.DroppedUnknown
	for d := range v.sockets {
		d.drops.addTo(stats)
	}
}
