package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Clients that are gone when they are answered, so that ICMP says so, do no harm to others.
func TestDatagramClientsThatAreGone(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.start()
		for range 50 {
			conn := f.dial("", f.host())
			if _, err := conn.Write([]byte("bye")); err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
		// No answer may be on its way to a port that the next client is given.
		waitUntil(t, "all are received", func() bool { return f.server.Stats().Datagrams.Received == 50 })
		trade(t, f.dial("", f.host()), []byte("still there"))
	})
}

// Shutdown and Close end serving in the middle of traffic: every datagram that was received has
// been answered.
func TestDatagramsEndInTraffic(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			forEachWay(t, func(t *testing.T, f *datagrams) {
				pc := f.start()
				stop := make(chan struct{})
				var clients sync.WaitGroup
				for range 4 {
					conn := f.dial("", f.host())
					clients.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								conn.Write([]byte("on and on")) // refused after the end
							}
						}
					})
				}
				waitUntil(t, "there is traffic", func() bool { return f.server.Stats().Datagrams.Sent > 1000 })
				if err := end(&f.server); err != nil {
					t.Error(err)
				}
				if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
					t.Errorf("ServePacket returned %v", err)
				}
				close(stop)
				clients.Wait()
				if _, err := pc.WriteTo(nil, pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
					t.Errorf("the socket was left open: %v", err)
				}
				if st := f.server.Stats().Datagrams; st.Received != st.Sent+st.Refused.Total() {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

func TestServePacketAfterClose(t *testing.T) {
	forEachWay(t, func(t *testing.T, f *datagrams) {
		f.server.Close()
		pc := f.start()
		if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
			t.Errorf("ServePacket returned %v", err)
		}
		if _, _, err := pc.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the socket was left open: %v", err)
		}
	})
}

// A scriptedPacketConn fails as its script says, and knows no deadlines.
type scriptedPacketConn struct {
	net.PacketConn
	script []error
}

func (c *scriptedPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if len(c.script) == 0 {
		return c.PacketConn.ReadFrom(p)
	}
	err := c.script[0]
	c.script = c.script[1:]
	return 0, nil, &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", err)}
}

func (c *scriptedPacketConn) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

func scripted(t *testing.T, script ...error) *scriptedPacketConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &scriptedPacketConn{pc, script}
}

func TestDatagramErrorsThatPass(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "")
	pc := scripted(t, syscall.ECONNREFUSED, syscall.ENOBUFS, syscall.EHOSTUNREACH, syscall.EIO, syscall.EPERM)
	f.port = pc.LocalAddr().(*net.UDPAddr).Port
	f.serve(pc)
	trade(t, f.dial("", "127.0.0.1"), []byte("all is well"))
	f.log.await(t, 1, "level=WARN", "receive failed", "no buffer space available", "retry_in=5ms")
	f.server.Close()
	if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, ErrServerClosed) {
		t.Errorf("ServePacket returned %v", err)
	}
}

func TestDatagramErrorForGood(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "")
	pc := scripted(t, syscall.EBADF)
	f.serve(pc)
	if err := wait(t, "ServePacket", f.servedC); !errors.Is(err, syscall.EBADF) {
		t.Errorf("ServePacket returned %v", err)
	}
	if _, err := pc.WriteTo(nil, pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket was left open: %v", err)
	}
}
