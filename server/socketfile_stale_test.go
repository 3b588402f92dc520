package server

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// staleSocket leaves the file of a socket that nobody serves.
func staleSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	staleSocket(t, path)
	mustListenAt(t, "unix://"+path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A server that answers keeps its socket, and the clients that it has.
func TestServedSocketIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	mustListenAt(t, "unix://"+path)
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = listenAt(t, "unix://"+path)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "server that answers") {
		t.Errorf("the second listener: %v", err)
	}
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced: %v", err)
	}
}

// A datagram socket cannot be asked by a stream; it is somebody's all the same.
func TestDatagramSocketIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	pc, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := listenAt(t, "unix://"+path); !errors.Is(err, syscall.EADDRINUSE) || !errors.Is(err, syscall.EPROTOTYPE) {
		t.Errorf("%v", err)
	}
	if !exists(path) {
		t.Error("the file is gone")
	}
}

// What is no socket is never removed, a symbolic link to a stale socket included.
func TestNoSocketIsRefused(t *testing.T) {
	dir := t.TempDir()
	file, link, folder := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	staleSocket(t, filepath.Join(dir, "stale"))
	for _, err := range []error{os.WriteFile(file, nil, 0o600), os.Symlink("stale", link), os.Mkdir(folder, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{file, link, folder} {
		_, err := listenAt(t, "unix://"+path)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path+": file already exists and is no socket") {
			t.Errorf("%s: %v", path, err)
		}
		if !exists(path) {
			t.Errorf("%s was removed", path)
		}
	}
}

// A server whose queue is full is no dead one.
func TestBusySocketIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f, err := newUnixSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(syscall.Bind(int(f.Fd()), &syscall.SockaddrUnix{Name: path}), syscall.Listen(int(f.Fd()), 0)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		var conn net.Conn
		if conn, err = net.Dial("unix", path); err == nil {
			defer conn.Close()
		}
	}
	if _, err := listenAt(t, "unix://"+path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
}
