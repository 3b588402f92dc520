//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// 100 MB of random bytes over 50 connections at once come back identical, and the log accounts for
// all.
func TestHundredMegabytes(t *testing.T) {
	t.Parallel()
	const (
		clients   = 50
		perClient = 2_000_000
	)
	b := newSandbox(t)
	server := b.start(t)
	errC := make(chan error, clients)
	for i := range clients {
		go func() { errC <- roundTrip(server.address, [32]byte{byte(i)}, perClient) }()
	}
	for range clients {
		if err := <-errC; err != nil {
			t.Error(err)
		}
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	log, err := os.ReadFile(filepath.Join(b.dir, "l"))
	check(t, err)
	closed := fmt.Sprintf("bytes=%d ", perClient)
	if n := strings.Count(string(log), closed); n != clients {
		t.Errorf("the log has %d lines with %q, want %d", n, closed, clients)
	}
	if all := fmt.Sprintf("accepted=%d bytes=%d\n", clients, clients*perClient); !bytes.HasSuffix(log, []byte(all)) {
		t.Errorf("the log does not end with %q", all)
	}
}

// roundTrip sends n bytes of the random stream of a seed while it reads the same ones back, then
// the end.
func roundTrip(address string, seed [32]byte, n int) error {
	c, err := dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	sentC := make(chan error, 1)
	go func() {
		_, err := io.CopyN(c, rand.NewChaCha8(seed), int64(n))
		sentC <- errors.Join(err, c.CloseWrite())
	}()
	received := 0
	got, want := make([]byte, 1<<16), make([]byte, 1<<16)
	expected := rand.NewChaCha8(seed)
	for {
		k, err := c.Read(got)
		expected.Read(want[:k]) // never fails
		if !bytes.Equal(got[:k], want[:k]) {
			return fmt.Errorf("what came back differs somewhere between bytes %d and %d", received, received+k)
		}
		received += k
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if received != n {
		return fmt.Errorf("sent %d bytes, got %d", n, received)
	}
	return <-sentC
}
