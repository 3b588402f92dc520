package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// Failures of the server are counted by kind, and are a status of their own.
func TestBenchOfBadServer(t *testing.T) {
	address := badServer(t, "unix", flipLast)
	var stdout, stderr bytes.Buffer
	status := run([]string{"echod", "bench", address, "--duration", "50ms"}, &stdout, &stderr)
	if status != exitFailure || stderr.Len() > 0 || !strings.Contains(stdout.String(), " corrupt\n") {
		t.Errorf("status %d, stdout:\n%s\nstderr: %s", status, &stdout, &stderr)
	}

	stdout.Reset()
	status = run([]string{"echod", "bench", address, "--duration", "50ms", "--json"}, &stdout, io.Discard)
	var report benchJSON
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || status != exitFailure || report.Failures["corrupt"] == 0 || report.Messages != 0 {
		t.Errorf("status %d, error %v, report %+v", status, err, report)
	}
}

// On a terminal, a line says every second how far the load is, and is gone at
// the end. It is not part of the output. Ctrl-C ends the load with its report.
func TestBenchOnTerminal(t *testing.T) {
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	seenC := make(chan string)
	go func() {
		screen := &interrupter{at: "connections"}
		io.Copy(screen, master) // ends with an error when the terminal is closed
		seenC <- screen.text.String()
	}()
	var stdout bytes.Buffer
	status := run([]string{"echod", "bench", badServer(t, "tcp", asSent), "--duration", "1m", "--connections", "2"}, &stdout, terminal)
	terminal.Close()
	seen := <-seenC
	if !strings.Contains(seen, "1s, 59s to go: 2 connections, ") || !strings.HasSuffix(seen, toLineStart+eraseLine) {
		t.Errorf("on the terminal: %q", seen)
	}
	if status != exitOK || !strings.Contains(stdout.String(), "pingpong, 2 connections") || strings.Contains(stdout.String(), toLineStart) {
		t.Errorf("status %d, stdout:\n%s", status, &stdout)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1 000", 1234567.8: "1 234 568"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%v) = %q, want %q", n, got, want)
		}
	}
}
