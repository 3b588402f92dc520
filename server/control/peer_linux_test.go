package control

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStrangerIsRefused although the mode of the socket lets it in.
func TestStrangerIsRefused(t *testing.T) {
	f := newFixture(t)
	l, err := Listen(f.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.allowed = []int{os.Geteuid() + 1}
	f.serve(l, f.server.Serve)
	status, contentType, body := curl(t, f.path, "/v1/status")
	want := fmt.Sprintf("user %d may not use this control socket", os.Geteuid())
	if status != "403" || contentType != problemType || !strings.Contains(body, want) {
		t.Errorf("got %s %s %s", status, contentType, body)
	}
	f.log.await(t, `level=WARN msg="control request refused"`, fmt.Sprintf("peer_uid=%d", os.Geteuid()))
}

// TestCallerIsLogged by the user and process that the kernel names.
func TestCallerIsLogged(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	if _, err := client.Reopen(deadline(t)); err != nil {
		t.Fatal(err)
	}
	f.log.await(t, "path=/v1/reopen", fmt.Sprintf("peer_uid=%d peer_pid=%d", os.Geteuid(), os.Getpid()))
}

const nobody = 65534

// TestOwner: root makes the socket, another user serves and calls, and a third one is kept out.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives sockets away")
	}
	f := newFixture(t)
	f.path = filepath.Join(openDirectory(t), "control.sock")
	l, err := Listen(f.path, &Owner{UID: nobody, GID: nobody})
	if err != nil {
		t.Fatal(err)
	}
	f.serve(l, f.server.Serve)
	info, err := os.Lstat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != nobody || st.Gid != nobody || info.Mode().Perm() != 0o600 {
		t.Errorf("socket is of %d:%d with mode %v", st.Uid, st.Gid, info.Mode())
	}
	for uid, want := range map[uint32]string{0: "200", nobody: "200", 12345: "000"} {
		if got := curlAs(t, uid, f.path); got != want {
			t.Errorf("called by user %d: got %s, want %s", uid, got, want)
		}
	}
	if err := os.Chmod(f.path, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := curlAs(t, 12345, f.path); got != "403" {
		t.Errorf("called by user 12345 through an open mode: got %s, want 403", got)
	}
}

// openDirectory returns a directory that all users may enter.
func openDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// curlAs returns the status of an answer, 000 if there was none.
func curlAs(t *testing.T, uid uint32, socket string) string {
	t.Helper()
	cmd := exec.Command("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}",
		"--unix-socket", socket, "http://echod/v1/status")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}
