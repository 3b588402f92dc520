package server

import (
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// forEachEngine runs a benchmark of a server on 127.0.0.1, with its log written to nowhere, for
// every engine.
func forEachEngine(b *testing.B, bench func(b *testing.B, s *Server, l *net.TCPListener)) {
	for _, e := range engineCases() {
		b.Run(e.name, func(b *testing.B) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			s := &Server{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
			e.use(s)
			servedC := make(chan error, 1)
			go func() { servedC <- s.Serve(l, nil) }()
			defer func() {
				s.Close()
				<-servedC
			}()
			bench(b, s, l.(*net.TCPListener))
		})
	}
}

// BenchmarkEcho is a message there and back, over one connection. No message may allocate.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"64", 64}, {"64K", 64 << 10}} {
		b.Run(size.name, func(b *testing.B) {
			forEachEngine(b, func(b *testing.B, _ *Server, l *net.TCPListener) {
				conn, err := net.Dial("tcp4", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				message := make([]byte, size.bytes)
				b.ReportAllocs()
				b.SetBytes(int64(size.bytes))
				for b.Loop() {
					if _, err := conn.Write(message); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(conn, message); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkConnect is a client that comes, sends a message, gets it back and leaves. What the
// client allocates is not counted: it makes system calls itself.
func BenchmarkConnect(b *testing.B) {
	forEachEngine(b, func(b *testing.B, _ *Server, l *net.TCPListener) {
		to := sockaddr(l)
		message := make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			fd := connectRaw(b, to)
			if _, err := unix.Write(fd, message); err != nil {
				b.Fatal(err)
			}
			if n, err := unix.Read(fd, message); err != nil || n != len(message) {
				b.Fatal(n, err)
			}
			unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // or ports run out
			unix.Close(fd)
		}
	})
}

// BenchmarkIdleClient tells how much memory a client needs that has been served and does nothing
// now. The time is that of all of them, 10,000 if there are descriptors for both ends, to come and
// go.
func BenchmarkIdleClient(b *testing.B) {
	const clients = 10_000
	needDescriptors(b, clients+400)
	forEachEngine(b, func(b *testing.B, s *Server, l *net.TCPListener) {
		n := min(clients, (s.ConnectionLimit()-200)/2)
		fds := make([]int, n)
		message := make([]byte, 64)
		to := sockaddr(l)
		var perClient float64
		for b.Loop() {
			before := memoryInUse()
			for i := range fds {
				fds[i] = connectRaw(b, to)
				unix.Write(fds[i], message)
				if _, err := unix.Read(fds[i], message); err != nil {
					b.Fatal(err)
				}
			}
			perClient = max(perClient, float64(memoryInUse()-before)/float64(n)) // only the first ones need tables to grow
			for _, fd := range fds {
				unix.Close(fd)
			}
			for s.Stats().Active > 0 {
				runtime.Gosched()
			}
		}
		b.ReportMetric(float64(n), "clients")
		b.ReportMetric(perClient, "bytes/client")
	})
}

// memoryInUse returns the size of what is reachable, and of the stacks.
func memoryInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what was in a sync.Pool goes with the second one
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func sockaddr(l *net.TCPListener) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
}

// connectRaw returns a blocking socket, which costs no memory of this process.
func connectRaw(b *testing.B, to unix.Sockaddr) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.Connect(fd, to); err != nil {
		b.Fatal(err)
	}
	return fd
}
