package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// inPrivateNetwork runs a test in a network namespace of its own, with an interface that has
// addresses of each kind. Only root can make one. Where root cannot either, the test is skipped,
// but not on an integration server.
func inPrivateNetwork(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	var impossible error
	doneC := make(chan struct{})
	go func() {
		defer close(doneC)
		runtime.LockOSThread() // and never unlocked: the thread, and with it the namespace, ends here
		if impossible = enterPrivateNetwork(); impossible == nil {
			test(t)
		}
	}()
	<-doneC
	switch {
	case impossible == nil:
	case os.Getenv("CI") == "true":
		t.Error(impossible)
	default:
		t.Skip(impossible)
	}
}

func enterPrivateNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	for _, line := range []string{
		"ip link set lo up",
		"ip link add echod0 type veth peer name echod1",
		"echo 1 >/proc/sys/net/ipv6/conf/echod1/disable_ipv6", // or the other end hears what is sent to many, too
		"ip link set echod1 up",
		"ip link set echod0 up",
		"until ip link show echod0 | grep -q 'state UP'; do sleep 0.01; done", // routes flap before
		"ip addr add 192.0.2.1/24 brd 192.0.2.255 dev echod0",
		"ip addr add 2001:db8::1/64 dev echod0 nodad",
		"ip addr add fe80::7/64 dev echod0 nodad",
		"while ip -6 addr show dev echod0 tentative | grep -q inet6; do sleep 0.01; done",
		"ip route add default dev echod0", // for multicast, and 255.255.255.255
	} {
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	return nil
}

// A link-local address means something on one link only: the answer leaves by the interface and
// from the address that was asked.
func TestDatagramLinkLocal(t *testing.T) {
	inPrivateNetwork(t, func(t *testing.T) {
		for _, way := range datagramCases()[:2] {
			for _, local := range []string{"[fe80::7%echod0]:0", ":0", "[::]:0"} {
				f := newDatagrams(t, way, local)
				f.start()
				conn := f.dial("", "fe80::7%echod0")
				trade(t, conn, []byte("over one link"))
				trade(t, conn, randomBytes(9000))
				conn.Close()
				f.server.Close()
			}
		}
	})
}

// Broadcast and multicast, of all kinds, get no answer.
func TestDatagramToMany(t *testing.T) {
	inPrivateNetwork(t, func(t *testing.T) {
		for _, way := range datagramCases()[:2] {
			for local, hosts := range map[string][]string{
				"0.0.0.0:0": {"192.0.2.255", "255.255.255.255", "224.0.0.1", "127.255.255.255"},
				":0":        {"192.0.2.255", "255.255.255.255", "ff02::1%echod0"}, // IPv4 multicast is not for IPv6 sockets
			} {
				f := newDatagrams(t, way, local)
				f.start()
				client := f.dial("", "192.0.2.1")
				trade(t, client, []byte("one"))
				for i, host := range hosts {
					if _, err := f.dial("", host).Write([]byte("many")); err != nil {
						t.Errorf("%s: %v", host, err)
					}
					f.awaitRefused(uint64(i+1), RefusedBroadcast)
				}
				trade(t, client, []byte("one more"))
				f.server.Close()
				if st := f.server.Stats().Datagrams; st.Sent != 2 {
					t.Errorf("%s %s: %+v", way.name, local, st)
				}
			}
		}
	})
}

// A socket that is served cannot send to a broadcast address, should one be forged as a source.
func TestDatagramSocketCannotBroadcast(t *testing.T) {
	for _, way := range datagramCases()[:2] {
		for _, local := range []string{"0.0.0.0:0", "127.0.0.1:0"} {
			f := newDatagrams(t, way, local)
			pc := f.start()
			trade(t, f.dial("", "127.0.0.1"), []byte("it is served"))
			_, err := pc.WriteTo([]byte("all"), &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: 9})
			if !errors.Is(err, unix.EACCES) {
				t.Errorf("%s %s: %v", way.name, local, err)
			}
		}
	}
}

// A socket with one of the machine's own addresses needs no messages about addresses; one that may
// receive what was sent to many does.
func TestDatagramBoundToOne(t *testing.T) {
	for local, want := range map[string]bool{
		"127.0.0.1:7": true, "[::1]:7": true, "0.0.0.0:7": false, "[::]:7": false, "127.255.255.255:7": false,
	} {
		d := &datagramSocket{bound: netip.MustParseAddrPort(local)}
		if got := d.boundToOne(); got != want {
			t.Errorf("%s: %v", local, got)
		}
	}
}
