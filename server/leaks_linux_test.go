package server

import (
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// After Close there are no more descriptors and goroutines than before Serve, whatever the clients
// did.
func TestCloseLeavesNothing(t *testing.T) {
	for _, e := range engineCases() {
		for _, network := range []string{"tcp4", "unix"} {
			t.Run(e.name+"/"+network, func(t *testing.T) {
				listen(t, network).Close() // what package net opens once and keeps is no leak
				before, goroutines := descriptors(t), goleak.IgnoreCurrent()
				f := newFixture(t, e, network)
				f.start()
				f.start()
				var clients []halfConn
				for i := range 30 {
					conn := f.dial()
					clients = append(clients, conn)
					exchange(t, conn, []byte("hello"))
					switch i % 3 {
					case 0:
						conn.Close()
					case 1:
						conn.CloseWrite()
					}
				}
				if !f.server.Portable {
					first, second := twoLoops(t, f)
					first.do(func() { first.share(second) })
				}
				f.server.Close()
				for _, conn := range clients {
					conn.Close()
				}
				for _, open := range descriptors(t) {
					if !slices.Contains(before, open) { // of another test one may have been closed meanwhile
						t.Errorf("left open: %s", open)
					}
				}
				wait(t, "Serve", f.servedC)
				goleak.VerifyNone(t, goroutines)
			})
		}
	}
}

// descriptors returns what this process has open.
func descriptors(t *testing.T) []string {
	t.Helper()
	const dir = "/proc/self/fd/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, e := range entries {
		if what, err := os.Readlink(dir + e.Name()); err == nil { // dir itself is closed by now
			open = append(open, e.Name()+" "+what)
		}
	}
	return open
}
