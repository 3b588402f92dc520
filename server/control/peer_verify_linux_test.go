package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVerify: the client is asked about the process that serves before anything is sent, each time.
func TestVerify(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	var peers []Peer
	client.Verify = func(p Peer) error {
		peers = append(peers, p)
		return nil
	}
	want := Peer{UID: os.Geteuid(), PID: os.Getpid()}
	if p, err := client.Peer(deadline(t)); err != nil || p != want {
		t.Errorf("Peer returned %+v, %v, want %+v", p, err, want)
	}
	if _, err := client.Status(deadline(t)); err != nil {
		t.Error(err)
	}
	if len(peers) != 2 || peers[0] != want || peers[1] != want {
		t.Errorf("asked about %+v, want %+v twice", peers, want)
	}
	cause := errors.New("it is another's")
	client.Verify = func(Peer) error { return cause }
	_, err := client.Reopen(deadline(t))
	if !errors.Is(err, cause) || err.Error() != "control socket "+f.path+": it is another's" {
		t.Errorf("refused: %v", err)
	}
	// The connection was closed without a request.
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	receivedC := make(chan []byte, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			receivedC <- []byte(err.Error())
			return
		}
		defer conn.Close()
		b, _ := io.ReadAll(conn)
		receivedC <- b
	}()
	silent := NewClient(l.Addr().String())
	silent.Verify = client.Verify
	if _, err := silent.Stop(deadline(t)); !errors.Is(err, cause) {
		t.Errorf("refused: %v", err)
	}
	if b := <-receivedC; len(b) > 0 {
		t.Errorf("the server received %q", b)
	}
}

// TestPeerHasEnded: the pid of a process that has ended may be another's by now.
func TestPeerHasEnded(t *testing.T) {
	const variable = "CONTROL_TEST_LISTEN"
	if path := os.Getenv(variable); path != "" {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		file, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendmsg(3, []byte{1}, unix.UnixRights(int(file.Fd())), nil, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	l := listenByAnother(t, variable+"="+path)
	defer l.Close()
	_, err := NewClient(path).Peer(deadline(t))
	if err == nil || !strings.Contains(err.Error(), "has ended, and another process serves it") {
		t.Errorf("Peer returned %v", err)
	}
}

// listenByAnother has this test run by a process that hands its socket over and ends.
func listenByAnother(t *testing.T, variable string) net.Listener {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestPeerHasEnded$")
	cmd.Env = append(os.Environ(), variable)
	cmd.ExtraFiles = []*os.File{theirs}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if _, err := peerPidfd(pair[0]); err != nil {
		t.Skipf("needs Linux 6.5: %v", err)
	}
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(pair[0], make([]byte, 1), rights, 0)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[0]), "socket")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// peerPidfd finds out whether this kernel tells the process at the other end, which is this one.
func peerPidfd(fd int) (int, error) {
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err == nil {
		unix.Close(pidfd)
	}
	return pidfd, err
}
