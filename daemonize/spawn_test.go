package daemonize

import (
	"slices"
	"testing"
)

// A program that has no name gets none: the working directory would be taken for it.
func TestAbsoluteArgsWithoutName(t *testing.T) {
	want := []string{"", "start"}
	if got := absoluteArgs(want); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
