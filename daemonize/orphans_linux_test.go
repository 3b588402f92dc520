package daemonize

import (
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// ReapOrphans waits for a child that nothing else waits for, and leaves the others to os/exec.
func TestReapOrphans(t *testing.T) {
	var orphan atomic.Int64 // all other children are this test's, or another one's
	stop := ReapOrphans(func(pid int) bool { return int64(pid) != orphan.Load() })
	defer stop()
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	orphan.Store(int64(p.Pid))
	for range 20 {
		if err := exec.Command("/bin/true").Run(); err != nil {
			t.Errorf("a child of os/exec: %v", err)
		}
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat("/proc/" + strconv.Itoa(p.Pid)); os.IsNotExist(err) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the child is still there")
		}
	}
}
