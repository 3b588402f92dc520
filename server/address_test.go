package server

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	longest := "/" + strings.Repeat("x", MaxSocketPath-1)
	for text, want := range map[string]string{
		":7":                             "tcp://:7",
		"127.0.0.1:7007":                 "tcp://127.0.0.1:7007",
		"tcp://:0":                       "tcp://:0",
		"tcp://:echo":                    "tcp://:7",
		"udp://:domain":                  "udp://:53",
		"udp://0.0.0.0:007":              "udp://0.0.0.0:7",
		"tcp://LocalHost:7":              "tcp://localhost:7",
		"tcp://a_b-c.example.:7":         "tcp://a_b-c.example.:7",
		"udp://[::1]:65535":              "udp://[::1]:65535",
		"[0:0::0]:7":                     "tcp://[::]:7",
		"[::ffff:127.0.0.1]:7":           "tcp://127.0.0.1:7",
		"udp://[FE80::0:1%eth0]:7":       "udp://[fe80::1%eth0]:7",
		"unix:///run/echod/echod.sock":   "unix:///run/echod/echod.sock",
		"unix:////run/./x/../echo%20 :7": "unix:///run/echo%20 :7",
		"unix://" + longest:              "unix://" + longest,
		"unix:///" + longest:             "unix://" + longest,
	} {
		a, err := ParseAddress(text)
		if err != nil || a.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, a, err, want)
			continue
		}
		if again, err := ParseAddress(want); again != a || err != nil {
			t.Errorf("%q and %q are not equal: %#v and %#v, %v", text, want, a, again, err)
		}
	}
}

// What is refused is refused with a word on what is wanted.
func TestParseAddressRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "want tcp://HOST:PORT or HOST:PORT",
		"7":                          "missing port in address: want tcp://HOST:PORT or HOST:PORT",
		"localhost":                  "missing port",
		"tcp://localhost:":           "no port: want tcp://HOST:PORT or HOST:PORT",
		"udp://localhost":            "want udp://HOST:PORT",
		"tcp://:65536":               "more than 65535",
		"tcp://:-1":                  "services(5)",
		"tcp://:+7":                  "services(5)",
		"tcp://: 7":                  "services(5)",
		"tcp://:no-such-service":     "services(5)",
		"http://localhost:80":        `scheme "http" is not served: want tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or HOST:PORT`,
		"TCP://localhost:7":          "scheme",
		"://:7":                      "scheme",
		"::1:7":                      "an IPv6 address in brackets",
		"tcp://[]:7":                 "empty brackets",
		"tcp://[127.0.0.1]:7":        "want it without",
		"tcp://[localhost]:7":        "no IPv6 address",
		"tcp://[::1]7":               "missing port",
		"tcp://127.1:7":              "neither a name nor a whole IPv4 address",
		"tcp://1.2.3.4.5:7":          "neither a name nor a whole IPv4 address",
		"tcp://0x7f000001:7":         "neither a name nor a whole IPv4 address",
		"tcp://127.0.0.01:7":         "neither a name nor a whole IPv4 address",
		"tcp://a..b:7":               "neither a name nor an IP address",
		"tcp://user@host:7":          "neither a name nor an IP address",
		"tcp://host:7/path":          "services(5)",
		"tcp://bücher:7":             "neither a name nor an IP address",
		"udp://[fe80::1]:7":          "want its zone too, as in [fe80::1%eth0]",
		"udp://[fe80::1%a b]:7":      "no name of an interface",
		"udp://[::ffff:1.2.3.4%e]:7": "an IPv4 address has none",
		"udp://224.0.0.1:7":          "not an address of one machine",
		"udp://[ff02::1%eth0]:7":     "not an address of one machine",
		"udp://255.255.255.255:7":    "not an address of one machine",
		"unix://":                    "not absolute: want unix:///PATH",
		"unix://run/x":               "not absolute",
		"unix://@echo":               "abstract sockets are not served",
		"unix:///":                   "directory",
		"unix:///run/":               "directory",
		"unix:///run/..":             "directory",
		"unix:///.":                  "directory",
		"unix:///run/\x00":           "byte 0",
		"unix:///" + strings.Repeat("x", MaxSocketPath): "want 10",
	} {
		a, err := ParseAddress(text)
		if err == nil {
			t.Errorf("%q is taken for %s", text, a)
		} else if !strings.Contains(err.Error(), want) || a != (Address{}) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestAddressParts(t *testing.T) {
	type parts struct {
		network, host string
		port          int
		path          string
	}
	for text, want := range map[string]parts{
		"udp://[fe80::1%eth0]:7": {"udp", "fe80::1%eth0", 7, ""},
		"unix:///run/x":          {"unix", "", 0, "/run/x"},
	} {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := (parts{a.Network(), a.Host(), a.Port(), a.Path()}); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// Whatever is accepted has a canonical form that is accepted as the same address.
func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{
		":7", "tcp://:echo", "udp://[fe80::1%eth0]:7", "unix:///run/x", "[::ffff:1.2.3.4]:1", "a.b.:0", "unix:////.//x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			if a != (Address{}) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %#v, %v", text, a, err)
			}
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q is %q, which is %#v, %v", text, a, again, err)
		}
	})
}
