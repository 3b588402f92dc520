//go:build linux

package main

import (
	"strings"
	"testing"
)

// A program that is started without a name is called echod.
func TestNoName(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	for _, name := range []string{"", "/", "."} {
		run := func(args ...string) string {
			t.Helper()
			cmd := b.command(t.Context(), b.dir, append([]string{"echod"}, args...)...)
			cmd.Args[0] = name
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%q %q: %v: %s", name, args, err, out)
			}
			return string(out)
		}
		said := run("start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l")
		if !strings.HasPrefix(said, "echod: serving ") {
			t.Errorf("start says %q", said)
		}
		if said := run("stop", "--pid-file=p"); !strings.HasPrefix(said, "echod: stopped, ") {
			t.Errorf("stop says %q", said)
		}
	}
}
