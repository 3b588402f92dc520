package xinetd

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzRead reads any text as a file that can include itself, and looks at what has to hold
// whatever the text. Its seeds are in testdata.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		fsys := fstest.MapFS{"conf": {Data: []byte(text)}, "d/a": {Data: []byte(text)}}
		c, err := Read(fsys, "conf", Options{LookupPort: ports})
		if err != nil {
			if len(text) <= maxBytes {
				t.Fatal(err)
			}
			return
		}
		checkConfig(t, c)
		again, _ := Read(fsys, "conf", Options{LookupPort: ports})
		if !reflect.DeepEqual(c, again) {
			t.Error("the same text was read as something else")
		}
	})
}

func checkConfig(t *testing.T, c *Config) {
	t.Helper()
	ids, places := map[string]bool{}, map[string]bool{}
	for _, v := range c.Services {
		if v.Off != "" {
			continue
		}
		id, place := strings.ToLower(v.ID), fmt.Sprint(v.Network, v.Port, v.Bind, v.Family)
		if ids[id] || places[place] {
			t.Errorf("id %s or address %s is there twice", id, place)
		}
		ids[id], places[place] = true, true
		switch {
		case v.Port == 0, v.Network != "tcp" && v.Network != "udp", v.Kind == Unknown:
			t.Errorf("on without an address or a kind: %+v", v)
		case v.Kind == Program && (v.Server == "" || v.User == "" || len(v.Args) == 0):
			t.Errorf("on without a program: %+v", v)
		case v.Kind == Relay && (v.Redirect.Host == "" || v.Redirect.Port == 0):
			t.Errorf("on without a target: %+v", v)
		}
	}
	for _, d := range c.Diagnostics {
		if line := d.String(); d.File == "" || d.Text == "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("diagnostic %q", line)
		}
	}
}
