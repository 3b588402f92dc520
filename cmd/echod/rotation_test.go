//go:build linux

package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestRotationsLoseNoLine: logrotate(8), with the snippet that is installed, rotates the log ten
// times while clients come and go as fast as they can. Every client is in the union of the files
// twice.
func TestRotationsLoseNoLine(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	logs := filepath.Join(b.dir, "logs")
	check(t, os.Mkdir(logs, 0o755))
	server := b.start(t, "--log-file=logs/echod.log")
	b.writeRotation(t)

	load := startLoad(server.address)
	for range 10 {
		check(t, waitUntil("there is something to rotate", func() bool {
			info, err := os.Stat(filepath.Join(logs, "echod.log"))
			return err == nil && info.Size() > 0
		}))
		b.run(t, exitOK, "logrotate", "--force", "--state=state", "rotation")
	}
	clients, err := load.end()
	check(t, err)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")

	files, err := filepath.Glob(filepath.Join(logs, "*"))
	check(t, err)
	if len(files) != 11 {
		t.Errorf("there are %d files, want 11: %q", len(files), files)
	}
	opened, closed := make(map[string]int), make(map[string]int)
	for _, path := range files {
		countSessions(t, path, opened, closed)
	}
	t.Logf("%d clients in %d files", clients, len(files))
	for id := range clients {
		id := fmt.Sprint(id + 1)
		if opened[id] != 1 || closed[id] != 1 {
			t.Errorf("client %s was opened %d times and closed %d times", id, opened[id], closed[id])
		}
	}
	if len(opened) != clients || len(closed) != clients {
		t.Errorf("there were %d clients; opened %d, closed %d", clients, len(opened), len(closed))
	}
}

// writeRotation makes the installed snippet one for the server of the sandbox that loses no file.
func (b *sandbox) writeRotation(t *testing.T) {
	t.Helper()
	snippet, err := os.ReadFile("../../scripts/logrotate/echod")
	check(t, err)
	where := " --pid-file=" + filepath.Join(b.dir, "p")
	text := strings.NewReplacer(
		"/var/log/echod.log", filepath.Join(b.dir, "logs/echod.log"),
		"/usr/sbin/echod status", filepath.Join(b.bin, "echod")+" status"+where,
		"/usr/sbin/echod reopen", filepath.Join(b.bin, "echod")+" reopen"+where,
		"rotate 8", "rotate 100",
	).Replace(string(snippet))
	check(t, os.WriteFile(filepath.Join(b.dir, "rotation"), []byte(text), 0o644))
}

// countSessions counts the ids of one log file, compressed or not. Every line must be whole.
func countSessions(t *testing.T, path string, opened, closed map[string]int) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		r, err = gzip.NewReader(f)
		check(t, err)
	}
	text, err := io.ReadAll(r)
	check(t, err)
	whole := regexp.MustCompile(`^time=\S+ level=[A-Z]+ msg=.*\n$`)
	session := regexp.MustCompile(`msg="connection (opened|closed)" id=(\d+) `)
	for line := range strings.Lines(string(text)) {
		if !whole.MatchString(line) {
			t.Errorf("%s has a torn line: %q", filepath.Base(path), line)
		}
		switch found := session.FindStringSubmatch(line); {
		case found == nil:
		case found[1] == "opened":
			opened[found[2]]++
		default:
			closed[found[2]]++
		}
	}
}

// A load is clients that come and go, two at a time.
type load struct {
	endC    chan struct{}
	ended   sync.WaitGroup
	mu      sync.Mutex
	clients int
	err     error
}

func startLoad(address string) *load {
	l := &load{endC: make(chan struct{})}
	for range 2 {
		l.ended.Go(func() {
			for {
				select {
				case <-l.endC:
					return
				default:
				}
				err := echoBack(address, "hello")
				l.mu.Lock()
				l.clients++
				l.err = errors.Join(l.err, err)
				l.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	return l
}

// end waits for the clients that are there, and returns how many there were.
func (l *load) end() (int, error) {
	close(l.endC)
	l.ended.Wait()
	return l.clients, l.err
}

// hammer is a role: that many clients, one after the other.
func hammer(args []string) int {
	var clients int
	if _, err := fmt.Sscan(args[1], &clients); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for range clients {
		if err := echoBack(args[0], "hello"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}
