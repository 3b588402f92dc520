//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An outcome is all that can be seen of a command that has ended.
type outcome struct {
	status         int // -1 when a signal ended it
	stdout, stderr string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit status %d\n[stdout]\n%s[stderr]\n%s", o.status, o.stdout, o.stderr)
}

// outputHeld is how long the output of a command that has ended may stay open. Then
// some process it started still holds it, and $(command) would hang.
const outputHeld = patience

// command makes a command that runs in directory dir of the sandbox.
func (b *sandbox) command(ctx context.Context, dir string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if own := filepath.Join(b.bin, argv[0]); isProgram(own) {
		cmd.Path, cmd.Err = own, nil
	}
	cmd.Dir, cmd.Env = dir, b.env
	cmd.WaitDelay = outputHeld
	return cmd
}

func isProgram(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}

// try runs a command to its end. The error says that it could not be run, or does not end.
func (b *sandbox) try(dir string, argv ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := b.command(ctx, dir, argv...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := outcome{status: -1, stdout: stdout.String(), stderr: stderr.String()}
	if cmd.ProcessState != nil {
		o.status = cmd.ProcessState.ExitCode()
	}
	var exited *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return o, fmt.Errorf("%q does not end\n%v", argv, o)
	case errors.Is(err, exec.ErrWaitDelay):
		return o, fmt.Errorf("%q has ended, and somebody holds its output\n%v", argv, o)
	case err != nil && !errors.As(err, &exited):
		return o, err
	}
	return o, nil
}

// run runs a command that must exit with a status.
func (b *sandbox) run(t *testing.T, status int, argv ...string) outcome {
	t.Helper()
	o, err := b.try(b.dir, argv...)
	if err != nil {
		t.Fatal(err)
	}
	if o.status != status {
		t.Fatalf("%q: %v", argv, o)
	}
	return o
}

// runInto is run, but output goes to a file whose name begins with name: strace(1) holds it
// longer than the command that it traces.
func (b *sandbox) runInto(t *testing.T, name string, argv ...string) outcome {
	t.Helper()
	_, wait := b.begin(t, name, argv...)
	return wait()
}

// begin starts a command with its output in files; wait returns what came of it.
func (b *sandbox) begin(t *testing.T, name string, argv ...string) (cmd *exec.Cmd, wait func() outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd = b.command(ctx, b.dir, argv...)
	var files [2]*os.File
	for i, suffix := range []string{".out", ".err"} {
		f, err := os.Create(filepath.Join(b.dir, name+suffix))
		check(t, err)
		t.Cleanup(func() { f.Close() })
		files[i] = f
	}
	cmd.Stdout, cmd.Stderr = files[0], files[1]
	check(t, cmd.Start())
	return cmd, func() outcome {
		t.Helper()
		defer cancel()
		cmd.Wait() // its status is in ProcessState
		if ctx.Err() != nil {
			t.Errorf("%q does not end", argv)
		}
		o := outcome{status: cmd.ProcessState.ExitCode()}
		for i, text := range []*string{&o.stdout, &o.stderr} {
			content, err := os.ReadFile(files[i].Name())
			check(t, err)
			*text = string(content)
		}
		return o
	}
}

// A running daemon is as start has said that it is.
type running struct {
	pid     int
	address string // the first it serves
}

// start starts a daemon at a free port of 127.0.0.1, with p and l in the working directory as its
// pid and log file.
func (b *sandbox) start(t *testing.T, flags ...string) running {
	t.Helper()
	argv := append([]string{"echod", "start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l"}, flags...)
	return serving(t, b.run(t, exitOK, argv...).stdout)
}

func serving(t *testing.T, stdout string) running {
	t.Helper()
	found := regexp.MustCompile(`serving tcp://([^, ]+).*, pid (\d+)`).FindStringSubmatch(stdout)
	if found == nil {
		t.Fatalf("start said %q", stdout)
	}
	pid, err := strconv.Atoi(found[2])
	if err != nil {
		t.Fatal(err)
	}
	return running{pid, strings.TrimSpace(found[1])}
}
