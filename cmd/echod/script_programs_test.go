//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// status runs a program, which must exit with status N. What it writes is there for stdout, stderr
// and capture.
func (s *stage) status(ts *testscript.TestScript, args []string) { s.exec(ts, args) }

func (s *stage) exec(ts *testscript.TestScript, args []string) outcome {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	o, err := s.try(ts.MkAbs("."), args[1:]...)
	fmt.Fprint(ts.Stdout(), o.stdout)
	fmt.Fprint(ts.Stderr(), o.stderr)
	ts.Check(err)
	if o.status != want {
		ts.Fatalf("want exit status %d, got %d", want, o.status)
	}
	return o
}

// refused is status for a program that is asked for what it cannot do: it says why, in one line on
// standard error and nothing on standard output, and leaves all in $WORK and all processes as they
// were.
func (s *stage) refused(ts *testscript.TestScript, args []string) {
	processes, files := processesFrom(s.bin), s.files(ts)
	o := s.exec(ts, args)
	if o.stdout != "" || !regexp.MustCompile(`^echod\S*: [^\n]+: [^\n]+\n$`).MatchString(o.stderr) {
		ts.Fatalf("want nothing but one line 'echod: what: why' on standard error")
	}
	if diff := cmp.Diff(files, s.files(ts)); diff != "" {
		ts.Fatalf("files have changed (-before +after):\n%s", diff)
	}
	for _, pid := range processesFrom(s.bin) {
		if !slices.Contains(processes, pid) {
			ts.Fatalf("a process is left: %s", describe(pid))
		}
	}
}

// files describes everything in the working directory.
func (s *stage) files(ts *testscript.TestScript) map[string]string {
	found := make(map[string]string)
	ts.Check(filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		about := fmt.Sprintf("%v inode %d owner %d:%d", info.Mode(), st.Ino, st.Uid, st.Gid)
		switch {
		case info.Mode().IsRegular():
			content, _ := os.ReadFile(path) // what cannot be read cannot be compared
			about += fmt.Sprintf(" %v %q", info.ModTime(), content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			about += " to " + target
		}
		found[path] = about
		return nil
	}))
	return found
}

// capture sets a variable to what the regexp's first group, or all of it, matches.
func (s *stage) capture(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], match(ts, args[2], ts.ReadFile(args[1]), true))
}

// match returns the match of the first group, or all of it.
func match(ts *testscript.TestScript, expression, text string, must bool) string {
	re, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	found := re.FindStringSubmatch(text)
	if found == nil && must {
		ts.Fatalf("no match for %#q in %q", expression, text)
	}
	if found == nil {
		return ""
	}
	return found[min(1, len(found)-1)]
}

// waitLine waits until a file has a line that matches, and sets a variable as capture does.
func (s *stage) waitLine(ts *testscript.TestScript, args []string) {
	path, found := ts.MkAbs(args[0]), ""
	var content []byte
	err := waitUntil(fmt.Sprintf("%s has a line that matches %#q", args[0], args[1]), func() bool {
		content, _ = os.ReadFile(path) // it may not be there yet
		found = match(ts, args[1], string(content), false)
		return found != ""
	})
	if err != nil {
		ts.Fatalf("%v; it has:\n%s", err, content)
	}
	if len(args) > 2 {
		ts.Setenv(args[2], found)
	}
}

// waitGone waits until processes have ended.
func (s *stage) waitGone(ts *testscript.TestScript, args []string) {
	for _, arg := range args {
		ts.Check(waitGone(pidArgument(ts, arg)))
	}
}

// waitState waits until a process is in a state, by the letter of ps(1).
func (s *stage) waitState(ts *testscript.TestScript, args []string) {
	pid := pidArgument(ts, args[0])
	ts.Check(waitUntil("process "+args[0]+" is in state "+args[1], func() bool { return processState(pid) == args[1] }))
}

// signal sends a signal to a process of the sandbox, and to no other.
func (s *stage) signal(ts *testscript.TestScript, args []string) {
	signals := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP,
		"CONT": syscall.SIGCONT, "ABRT": syscall.SIGABRT, "PIPE": syscall.SIGPIPE,
	}
	number, known := signals[args[0]]
	pid := pidArgument(ts, args[1])
	if !known || !slices.Contains(processesFrom(s.bin), pid) {
		ts.Fatalf("signal %s to process %d: not one of ours", args[0], pid)
	}
	ts.Check(syscall.Kill(pid, number))
}

func pidArgument(ts *testscript.TestScript, arg string) int {
	pid, err := strconv.Atoi(strings.TrimSpace(arg))
	ts.Check(err)
	if pid <= 1 {
		ts.Fatalf("%d is no pid of a daemon", pid)
	}
	return pid
}

// unheld sees to it that pid files say that nothing runs: they are not there, or empty and not
// locked.
func (s *stage) unheld(ts *testscript.TestScript, args []string) {
	for _, arg := range args {
		path := ts.MkAbs(arg)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		ts.Check(err)
		f, err := os.Open(path)
		ts.Check(err)
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil || info.Size() != 0 {
			ts.Fatalf("pid file %s has %d bytes, locking it: %v", arg, info.Size(), err)
		}
	}
}
