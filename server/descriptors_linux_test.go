package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Without descriptors those who are served are served on, and those who wait are let in
// as others leave. The server is a process of its own, which may have few.
func TestOutOfDescriptors(t *testing.T) {
	if name := os.Getenv("SERVER_TEST_FEW_DESCRIPTORS"); name != "" {
		serveWithFewDescriptors(name)
		return
	}
	for _, e := range engineCases() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			address, log := startWithFewDescriptors(t, e.name)
			var clients []net.Conn
			for i := range 100 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				fmt.Fprintf(conn, "%04d", i)
				clients = append(clients, conn)
			}
			log.await(t, 1, "level=WARN", "connection limit lowered", "max_connections=1000", "limit=100")
			log.await(t, 1, "level=WARN", "accept failed", "local="+address, "too many open files", "retry_in=")
			for i, conn := range clients {
				conn.SetDeadline(time.Now().Add(patience))
				answered(t, conn, fmt.Sprintf("%04d", i))
				exchange(t, conn, []byte("more"))
				conn.Close()
			}
			log.await(t, len(clients), "connection closed", "bytes=8", "reason=eof")
		})
	}
}

// startWithFewDescriptors starts a server that ends with the test, and returns its address and its
// log.
func startWithFewDescriptors(t *testing.T, engine string) (string, *logbook) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), "SERVER_TEST_FEW_DESCRIPTORS="+engine)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r, log, readC := bufio.NewReader(stdout), newLogbook(), make(chan struct{})
	address, err := r.ReadString('\n')
	go func() {
		defer close(readC)
		for line, err := r.ReadString('\n'); err == nil; line, err = r.ReadString('\n') {
			log.Write([]byte(line))
		}
	}()
	t.Cleanup(func() {
		stdin.Close() // it serves until then
		<-readC
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address), log
}

// serveWithFewDescriptors is the process that startWithFewDescriptors starts.
func serveWithFewDescriptors(engine string) {
	const limit = 100 + descriptorReserve
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		panic(err)
	}
	for range limit / 2 { // more than were thought to be needed for anything else
		f, err := os.Open(os.DevNull)
		if err != nil {
			panic(err)
		}
		defer f.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	s := &Server{Logger: textLogger(os.Stdout), MaxConnections: 1000, Portable: engine == portableName}
	servedC := make(chan error, 1)
	go func() { servedC <- s.Serve(l, nil) }()
	io.Copy(io.Discard, os.Stdin)
	s.Close()
	<-servedC
}

// Without a descriptor for it Prepare fails, and the listener is as it was: it is prepared when
// there are some.
func TestPrepareWithoutDescriptors(t *testing.T) {
	if os.Getenv("SERVER_TEST_NO_DESCRIPTORS") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "SERVER_TEST_NO_DESCRIPTORS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, engineCase{use: func(*Server) {}}, "tcp4")
	l := listen(t, f.network)
	const needed = 3 // of an epoll instance, of its eventfd, and the listener's own
	for left := range needed {
		files := takeDescriptors(t, left)
		if _, err := f.server.Prepare(l, &f.service); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("with %d descriptors left: %v", left, err)
		}
		for _, file := range files {
			file.Close()
		}
	}
	f.serve(l)
	exchange(t, f.dial(), []byte("served"))
}

// takeDescriptors leaves the process so many descriptors.
func takeDescriptors(t *testing.T, left int) []*os.File {
	t.Helper()
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for range left {
		files[len(files)-1].Close()
		files = files[:len(files)-1]
	}
	return files
}
