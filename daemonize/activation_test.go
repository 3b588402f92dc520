package daemonize

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListenVariables(t *testing.T) {
	const pid = 4242
	tests := []struct {
		name string
		v    listenVariables
		want []string
	}{
		{"not set", listenVariables{}, nil},
		{"without a process", listenVariables{"", "1", ""}, nil},
		{"of another process", listenVariables{"4243", "1", ""}, nil},
		{"of another process, and nonsense", listenVariables{"4243", "x", ""}, nil},
		{"none", listenVariables{"4242", "0", ""}, []string{}},
		{"without names", listenVariables{"4242", "2", ""}, []string{"unknown", "unknown"}},
		{"with names", listenVariables{"4242", "3", "a:b:a"}, []string{"a", "b", "a"}},
		{"with an empty name", listenVariables{"4242", "2", "a:"}, []string{"a", "unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.v.parse(pid)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestListenVariablesRefused holds that nonsense is not taken for nothing: the program would bind
// sockets of its own while clients wait at those of the service manager.
func TestListenVariablesRefused(t *testing.T) {
	tests := []struct {
		v    listenVariables
		want string
	}{
		{listenVariables{"4242", "", ""}, `read LISTEN_FDS="": want the number of descriptors`},
		{listenVariables{"4242", "one", ""}, `read LISTEN_FDS="one": want the number of descriptors`},
		{listenVariables{"4242", "-1", ""}, `read LISTEN_FDS="-1": want the number of descriptors`},
		{listenVariables{"4242", "+1", ""}, `read LISTEN_FDS="+1": want the number of descriptors`},
		{listenVariables{"4242", " 1", ""}, `read LISTEN_FDS=" 1": want the number of descriptors`},
		{listenVariables{"4242", "99999999999", ""}, `read LISTEN_FDS="99999999999": want the number of descriptors`},
		{listenVariables{"4242", "251", ""}, `read LISTEN_FDS="251": want at most 250 descriptors`},
		{listenVariables{"4242x", "1", ""}, `read LISTEN_PID="4242x": want the number of a process`},
		{listenVariables{"0", "1", ""}, `read LISTEN_PID="0": want the number of a process`},
		{listenVariables{"4242", "2", "a"}, `read LISTEN_FDNAMES="a": want 2 names, as many as LISTEN_FDS`},
		{listenVariables{"4242", "0", "a"}, `read LISTEN_FDNAMES="a": want 0 names, as many as LISTEN_FDS`},
	}
	for _, tt := range tests {
		names, err := tt.v.parse(4242)
		var variable *VariableError
		if !errors.As(err, &variable) {
			t.Errorf("%v: got %q, %v, want a VariableError", tt.v, names, err)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%v: %s", tt.v, diff)
		}
	}
}
