package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"echod/server"
)

// TestAbandonedControlSide: a start that fails after the sockets were made leaves none of them.
func TestAbandonedControlSide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	var c controlSide
	anyPort, err := server.ParseAddress("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &settings{controlSocket: socketPath{path: path}, metrics: []server.Address{anyPort}}
	if err := c.open(s, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	metrics := c.metrics[0].addr().String()
	c.abandon()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the control socket is left: %v", err)
	}
	if conn, err := net.Dial("tcp", metrics); err == nil {
		conn.Close()
		t.Error("metrics are still listened for")
	}
}
