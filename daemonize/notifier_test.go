package daemonize

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNotifier reads every message as a service manager does, at a path and in the abstract
// namespace of Linux.
func TestNotifier(t *testing.T) {
	addresses := []string{filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" {
		addresses = append(addresses, fmt.Sprintf("@daemonize-test-%d", os.Getpid()))
	}
	messages := []struct {
		name string
		send func(*Notifier) error
		want string
	}{
		{"ready", (*Notifier).Ready, fmt.Sprintf("READY=1\nMAINPID=%d", os.Getpid())},
		{"status", func(n *Notifier) error { return n.Status("two\nlines") }, "STATUS=two lines"},
		{"stopping", (*Notifier).Stopping, "STOPPING=1"},
		{"watchdog", (*Notifier).Watchdog, "WATCHDOG=1"},
		{"extend", func(n *Notifier) error { return n.ExtendTimeout(1500 * time.Millisecond) }, "EXTEND_TIMEOUT_USEC=1500000"},
	}
	for _, address := range addresses {
		manager, n := serviceManager(t, address)
		for _, m := range messages {
			if err := m.send(n); err != nil {
				t.Errorf("%s to %s: %v", m.name, address, err)
				continue
			}
			if diff := cmp.Diff(m.want, receiveMessage(t, manager)); diff != "" {
				t.Errorf("%s to %s: %s", m.name, address, diff)
			}
		}
	}
}

// TestNotifierReloading holds that the message carries the time, by which systemd tells this
// reload from an earlier one.
func TestNotifierReloading(t *testing.T) {
	manager, n := serviceManager(t, filepath.Join(t.TempDir(), "notify"))
	before := monotonicMicroseconds()
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	message := receiveMessage(t, manager)
	if runtime.GOOS != "linux" {
		if message != "RELOADING=1" {
			t.Errorf("got %q", message)
		}
		return
	}
	var usec int64
	if _, err := fmt.Sscanf(message, "RELOADING=1\nMONOTONIC_USEC=%d", &usec); err != nil {
		t.Fatalf("got %q: %v", message, err)
	}
	if usec < before || usec > monotonicMicroseconds() {
		t.Errorf("MONOTONIC_USEC=%d is not now", usec)
	}
}

// TestNotifierFindsNewManager holds that a service manager that started anew is found again.
func TestNotifierFindsNewManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	first, n := serviceManager(t, path)
	first.Close()
	if err := n.Watchdog(); err == nil {
		t.Fatal("a message to nobody was sent")
	}
	second := listenNotify(t, path)
	if err := n.Watchdog(); err != nil {
		t.Fatal(err)
	}
	if got := receiveMessage(t, second); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
}

// TestNilNotifier holds that a daemon without a service manager need not ask for one.
func TestNilNotifier(t *testing.T) {
	var n *Notifier
	for _, err := range []error{
		n.Ready(), n.Status("x"), n.Reloading(), n.Stopping(), n.Watchdog(), n.ExtendTimeout(time.Second), n.Close(),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if n.WatchdogInterval() != 0 {
		t.Error("somebody watches")
	}
}

func TestWatchdogInterval(t *testing.T) {
	tests := []struct {
		usec, pid string
		want      time.Duration
		refused   bool
	}{
		{"", "", 0, false},
		{"", "x", 0, false},
		{"2000000", "", 2 * time.Second, false},
		{"2000000", "4242", 2 * time.Second, false},
		{"2000000", "4243", 0, false},
		{"0", "", 0, true},
		{"-5", "", 0, true},
		{"2s", "", 0, true},
		{"99999999999999999999", "", 0, true},
		{"2000000", "x", 0, true},
	}
	for _, tt := range tests {
		got, err := watchdogInterval(tt.usec, tt.pid, 4242)
		var variable *VariableError
		if got != tt.want || errors.As(err, &variable) != tt.refused {
			t.Errorf("WATCHDOG_USEC=%q WATCHDOG_PID=%q: got %v, %v", tt.usec, tt.pid, got, err)
		}
	}
}

// TestNotifierTakesVariables holds that children cannot speak in the daemon's name.
func TestNotifierTakesVariables(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	n, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	if n.WatchdogInterval() != time.Second {
		t.Errorf("the interval is %v", n.WatchdogInterval())
	}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "NOTIFY_") || strings.HasPrefix(variable, "WATCHDOG_") {
			t.Errorf("left in the environment: %s", variable)
		}
	}
	if err := n.Ready(); err == nil {
		t.Error("a message to nobody was sent")
	}
}

func serviceManager(t *testing.T, address string) (*net.UnixConn, *Notifier) {
	t.Helper()
	manager := listenNotify(t, address)
	t.Setenv("NOTIFY_SOCKET", address)
	n, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return manager, n
}

func listenNotify(t *testing.T, address string) *net.UnixConn {
	t.Helper()
	if !strings.HasPrefix(address, "@") {
		os.Remove(address)
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receiveMessage(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}
