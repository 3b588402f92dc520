package server

import "net/netip"

// A portSet is a set of ports, a bit for each.
type portSet [1 << 16 / 64]uint64

func (s *portSet) add(port uint16) { s[port/64] |= 1 << (port % 64) }

func (s *portSet) has(port uint16) bool { return s[port/64]&(1<<(port%64)) != 0 }

// noteDatagramSocket lets Alive and Stats know d, and the loop rule its port; or all forget it.
//
// Until the port is known, another socket of the server may answer what seems to come from it. An
// exchange that begins so ends when it is.
func (s *Server) noteDatagramSocket(d *datagramSocket, served bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if served {
		d.service.sockets[d] = struct{}{}
	} else {
		d.drops.addTo(&d.service.droppedBefore)
		delete(d.service.sockets, d)
	}
	s.knowPorts()
}

// knowPorts makes the set of ports anew. mu is held.
func (s *Server) knowPorts() {
	ports := new(portSet)
	for _, p := range loopPorts {
		ports.add(p.port)
	}
	for v := range s.services {
		for d := range v.sockets {
			ports.add(d.bound.Port()) // 0, which is among them anyway, if it is no UDP socket
		}
	}
	s.unanswered.Store(ports)
}

// loops tells whether an answer to a port might be answered in turn: by a service that does so, or
// by this server.
func (s *Server) loops(from netip.AddrPort) bool {
	return from.IsValid() && s.unanswered.Load().has(from.Port())
}
