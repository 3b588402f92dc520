package xinetd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	o := Options{LookupNetwork: func(name string) (netip.Prefix, bool) {
		return netip.MustParsePrefix("127.0.0.0/8"), name == "loopback"
	}}
	for text, want := range map[string]string{
		"10.1.0.0": "[10.1.0.0/16]", "0.0.0.0": "[0.0.0.0/0]", "10.0.0.1": "[10.0.0.1/32]", "10.0.0.1/8": "[10.0.0.0/8]",
		"0.0.0.0/0": "[0.0.0.0/0]", "::/0": "[::/0 0.0.0.0/0]", "fe80::/10": "[fe80::/10]", "::1": "[::1/128]", "::1/128": "[::1/128]",
		"::ffff:1.2.3.4": "[1.2.3.4/32]", "::ffff:1.2.3.0/120": "[1.2.3.0/24]", "::ffff:0:0/96": "[0.0.0.0/0]",
		"10.{1,2,3}": "[10.1.0.0/16 10.2.0.0/16 10.3.0.0/16]", "192.168.1.{5,9}": "[192.168.1.5/32 192.168.1.9/32]",
		"192.168.1": "[192.168.0.1/32] doubt", "10": "[0.0.0.10/32] doubt",
		"Host.Example.ORG": "[host.example.org]", ".example.org": "[.example.org]", "localhost": "[localhost]", "loopback": "[127.0.0.0/8]",

		"ALL": "error", "any": "error", "*.x": "error", "10.0.0.1,": "error", "10.0.0.0/33": "error", "10.0.0.1/": "error", "/24": "error",
		"10.1/16": "error", "192.168.1.0/255.255.255.0": "error", "::/129": "error", "fe80::1%lo": "error", "::": "error", "256.1.1.1": "error",
		"1.2.3.4.5": "error", "010.1.1.1": "error", "0x7f.1": "error", "1.2.{3": "error", "1.{2}.3": "error", "1.2{3}": "error", "{1}": "error",
		"1.{2,}": "error", "1.2.3.{300}": "error", "a..b": "error", ".": "error", "a/24": "error", "1..2": "error", "1.2.3.": "error",
	} {
		list, doubt, err := parseAddress(text, o)
		have := fmt.Sprint(list)
		if doubt != "" {
			have += " doubt"
		}
		if err != nil {
			have = "error"
		}
		if have != want {
			t.Errorf("%s: have %s (%v), want %s", text, have, err, want)
		}
	}
}

func TestMaskIsExplained(t *testing.T) {
	_, _, err := parseAddress("192.168.1.0/255.255.255.0", Options{})
	if err == nil || !strings.Contains(err.Error(), "write 192.168.1.0/24") {
		t.Errorf("error: %v", err)
	}
}
