//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts of testdata/script, one a topic. Each has a sandbox of its own: the
// working directory $WORK, and in the path echod, the same program as $NAME, and as-user and
// impostor, which run a command as the ordinary user and as one more. All that a script leaves
// running is an error.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         openTempDir(t),
		Setup:               setStage,
		Cmds:                scriptCommands(),
		Condition:           scriptCondition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// A stage is what the commands of one script share.
type stage struct {
	*sandbox
	clients map[string]*client
	busy    []interface{ Close() error } // closed at the end
}

type stageKey struct{}

func setStage(env *testscript.Env) error {
	b, err := makeSandbox(env.WorkDir)
	if err != nil {
		return err
	}
	s := &stage{sandbox: b, clients: make(map[string]*client)}
	env.Values[stageKey{}] = s
	b.env = append(b.env, "NAME="+b.name, fmt.Sprintf("UID=%d", ordinaryUID()), "WORK="+b.dir, "LONG="+strings.Repeat("long-", 30))
	env.Vars = append(env.Vars, b.env...)
	env.Defer(func() {
		for _, c := range s.busy {
			c.Close()
		}
		if err := s.end(); err != nil {
			env.T().Fatal(err)
		}
	})
	return nil
}

// scriptCondition adds [root]: whether root runs the tests.
func scriptCondition(condition string) (bool, error) {
	if condition == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, errors.New("no such condition")
}

// A scriptCommand does one thing in a script, or calls Fatalf.
type scriptCommand struct {
	usage string
	least int // arguments
	most  int // 0 is as many as there are
	do    func(s *stage, ts *testscript.TestScript, args []string)
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	table := map[string]scriptCommand{
		"status":       {"N PROGRAM [ARG...]", 2, 0, (*stage).status},
		"refused":      {"N PROGRAM [ARG...]", 2, 0, (*stage).refused},
		"capture":      {"VARIABLE FILE|stdout|stderr REGEXP", 3, 3, (*stage).capture},
		"wait-line":    {"FILE REGEXP [VARIABLE]", 2, 3, (*stage).waitLine},
		"wait-gone":    {"PID...", 1, 0, (*stage).waitGone},
		"wait-state":   {"PID LETTER", 2, 2, (*stage).waitState},
		"signal":       {"NAME PID", 2, 2, (*stage).signal},
		"unheld":       {"FILE...", 1, 0, (*stage).unheld},
		"echo-back":    {"ADDRESS TEXT", 2, 2, (*stage).echoBack},
		"connect":      {"CLIENT ADDRESS", 2, 2, (*stage).connect},
		"say":          {"CLIENT TEXT", 2, 2, (*stage).say},
		"half-close":   {"CLIENT", 1, 1, (*stage).halfClose},
		"wait-eof":     {"CLIENT", 1, 1, (*stage).waitEOF},
		"wait-refused": {"ADDRESS", 1, 1, (*stage).waitRefused},
		"occupy":       {"VARIABLE", 1, 1, (*stage).occupy},
		"port-free":    {"ADDRESS...", 1, 0, (*stage).portFree},
		"hold-locked":  {"FILE", 1, 1, (*stage).holdLocked},
	}
	commands := make(map[string]func(*testscript.TestScript, bool, []string))
	for name, c := range table {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) < c.least || c.most > 0 && len(args) > c.most {
				ts.Fatalf("usage: %s %s", name, c.usage)
			}
			c.do(ts.Value(stageKey{}).(*stage), ts, args)
		}
	}
	return commands
}
