package echod_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestRules shows every rule trees that keep it and trees that break it. In want, a
// line is cut after what was found: the advice that follows is not compared.
func TestRules(t *testing.T) {
	tests := []struct {
		rule func(*house) []string
		name string
		tree map[string]string // path to content
		want []string
	}{
		{
			neighbours, "the program imports all", map[string]string{
				"cmd/echod/main.go": imports("main", "echod/daemonize", "echod/server", "echod/server/control"),
			}, nil,
		},
		{
			neighbours, "libraries import one another", map[string]string{
				"daemonize/pid.go":         imports("daemonize", "echod/logging"),
				"logging/file.go":          imports("logging", "os", "echod/server"),
				"server/server_linux.go":   imports("server", "echod/daemonize"),
				"server/echo_test.go":      imports("server_test", "echod/server", "echod/logging"),
				"server/testdata/a.go":     imports("a", "echod/logging"),
				"tools/go.mod":             "module echod/tools\n",
				"tools/lint/lint.go":       imports("lint", "echod/logging"),
				"_old/old.go":              imports("old", "echod/logging"),
				"server/probe/sub/load.go": imports("sub", "echod/server"),
			}, []string{
				"daemonize/pid.go:3: imports echod/logging",
				"logging/file.go:4: imports echod/server",
				"server/echo_test.go:4: imports echod/logging",
				"server/probe/sub/load.go:3: imports echod/server",
				"server/server_linux.go:3: imports echod/daemonize",
			},
		},
		{
			neighbours, "a server and what is below it", map[string]string{
				"server/control/api.go":  imports("control", "echod/server"),
				"server/control/more.go": imports("control", "echod/server/probe"),
				"server/server.go":       imports("server", "echod/server/control"),
			}, []string{
				"server/control/more.go:3: imports echod/server/probe",
				"server/server.go:3: imports echod/server/control",
			},
		},
		{
			goDaemonImporter, "go-daemon, by one", map[string]string{
				"daemonize/spawn.go": imports("daemonize", goDaemon),
			}, nil,
		},
		{
			goDaemonImporter, "go-daemon, by none", map[string]string{
				"daemonize/spawn.go": imports("daemonize", "os"),
			}, []string{"go.mod:1: nothing imports github.com/sevlyar/go-daemon"},
		},
		{
			goDaemonImporter, "go-daemon, by two", map[string]string{
				"daemonize/lock.go":  imports("daemonize", goDaemon),
				"daemonize/spawn.go": imports("daemonize", "os", goDaemon),
			}, []string{
				"daemonize/lock.go:3: imports github.com/sevlyar/go-daemon",
				"daemonize/spawn.go:4: imports github.com/sevlyar/go-daemon",
			},
		},
		{
			goDaemonImporter, "go-daemon, by a test only", map[string]string{
				"daemonize/spawn_test.go": imports("daemonize", goDaemon),
			}, []string{"daemonize/spawn_test.go:3: imports github.com/sevlyar/go-daemon"},
		},
		{
			systemCallFiles, "system calls, by the name of the file", map[string]string{
				"server/epoll_linux.go":       imports("server", "golang.org/x/sys/unix"),
				"server/epoll_linux_test.go":  imports("server", "golang.org/x/sys/unix"),
				"daemonize/lock_unix.go":      imports("daemonize", "golang.org/x/sys/unix"),
				"daemonize/lock_unix_test.go": imports("daemonize", "golang.org/x/sys/unix"),
				"daemonize/lock.go":           imports("daemonize", "golang.org/x/sys/unix"),
				"daemonize/lock_test.go":      imports("daemonize", "golang.org/x/sys/cpu"),
				"daemonize/linux.go":          imports("daemonize", "golang.org/x/sysinfo"),
			}, []string{
				"daemonize/lock.go:3: imports golang.org/x/sys/unix",
				"daemonize/lock_test.go:3: imports golang.org/x/sys/cpu",
			},
		},
		{
			standardOnly, "imports of xinetd", map[string]string{
				"server/xinetd/parse.go":      imports("xinetd", "net/netip", "golang.org/x/time/rate"),
				"server/xinetd/services.go":   imports("xinetd", "echod/server"),
				"server/xinetd/parse_test.go": imports("xinetd", "github.com/google/go-cmp/cmp"),
				"server/rate.go":              imports("server", "golang.org/x/time/rate"),
			}, []string{
				"server/xinetd/parse.go:4: imports golang.org/x/time/rate",
				"server/xinetd/services.go:3: imports echod/server",
			},
		},
		{
			initFunctions, "init, a function and a method", map[string]string{
				"server/a.go": "package server\n\nfunc init() {}\n\nfunc (s *Server) init() {}\n",
			}, []string{"server/a.go:3: init function"},
		},
		{
			packageVariables, "variables that never vary", map[string]string{
				"server/a.go": "package server\n\nvar _ net.Listener = (*queue)(nil)\n" +
					"var ErrServerClosed = errors.New(\"server: closed\")\n" +
					"var errLate = fmt.Errorf(\"late: %w\", os.ErrDeadlineExceeded)\n" +
					"var (\n\tloopPorts = [...]int{0, 7}\n\tverbs = []verb{{\"start\", start}}\n\treasons = map[error]string{}\n)\n" +
					"func f() { var local int; local++; verbs := verbs[1:]; _ = append(verbs, verb{}) }\n",
			}, nil,
		},
		{
			packageVariables, "variables that may vary", map[string]string{
				"server/a.go": "package server\n\nvar count int\nvar Reasons = map[error]string{}\n" +
					"var open = os.Open\nvar a, b = f()\nvar once = sync.Once{}\nvar errLast error\n" +
					"var dice = rand.New(source)\nvar errBoth = errors.Join(errA, errB)\n",
				"server/a_test.go": "package server_test\n\nvar update bool\n",
			}, []string{
				"server/a.go:3: var count", "server/a.go:4: var Reasons", "server/a.go:5: var open",
				"server/a.go:6: var a", "server/a.go:6: var b", "server/a.go:7: var once", "server/a.go:8: var errLast",
				"server/a.go:9: var dice", "server/a.go:10: var errBoth",
				"server/a_test.go:3: var update",
			},
		},
		{
			packageVariables, "variables that are written to", map[string]string{
				"server/a.go": "package server\n\nvar table = map[string]entry{}\nvar list = []int{1}\nvar pointers = []*int{nil}\n" +
					"var errLast = errors.New(\"none\")\n",
				"server/b.go": "package server\n\nfunc f() {\n\ttable[\"x\"] = entry{}\n\tlist[0]++\n\tdelete(table, \"x\")\n" +
					"\tlist = append(list, 1)\n\tg(&list[0])\n\tfor list[0] = range 3 {\n\t}\n\tlist[:1][0] -= 1\n\ttable[\"x\"].size = 1\n\t(list)[0] = 1\n\t*pointers[0] = 1\n\terrLast = nil\n}\n",
				"logging/c.go": "package logging\n\nfunc f(table map[int]int) { table[0] = 1 }\n",
			}, []string{
				"server/b.go:4: writes to table", "server/b.go:5: writes to list", "server/b.go:6: writes to table",
				"server/b.go:7: writes to list", "server/b.go:8: writes to list", "server/b.go:9: writes to list",
				"server/b.go:11: writes to list", "server/b.go:12: writes to table", "server/b.go:13: writes to list",
				"server/b.go:14: writes to pointers", "server/b.go:15: writes to errLast",
			},
		},
		{
			names, "names in every folder", map[string]string{
				"server/util/a.go":             "package util\n",
				"daemonize/common_linux.go":    "package daemonize\n",
				"cmd/echod/types.go":           "package main\n",
				"cmd/echod/helpers_test.go":    "package main\n",
				"scripts/test.d/common":        "",
				"server/commonly.go":           "package server\n",
				"daemonize/utilities_linux.go": "package daemonize\n",
			}, []string{
				`cmd/echod/helpers_test.go:1: called "helpers"`,
				`cmd/echod/types.go:1: called "types"`,
				`daemonize/common_linux.go:1: called "common"`,
				`scripts/test.d/common:1: called "common"`,
				`server/util:1: called "util"`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := make(fstest.MapFS)
			for path, content := range test.tree {
				tree[path] = &fstest.MapFile{Data: []byte(content)}
			}
			h, err := readHouse(tree)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, violation := range test.rule(h) {
				parts := strings.SplitN(violation, ": ", 3)
				got = append(got, strings.Join(parts[:min(2, len(parts))], ": "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// imports returns a Go file that imports packages, the first of them in line 3.
func imports(name string, packages ...string) string {
	return "package " + name + "\n\nimport \"" + strings.Join(packages, "\"\nimport \"") + "\"\n"
}
