package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnitOf looks at made-up root directories, in which process 10 is the server.
func TestUnitOf(t *testing.T) {
	const service = "/system.slice/echod.service"
	for name, test := range map[string]struct {
		variables string // of process 10
		group     string
		others    map[string]string // programs of other processes in the group
		files     map[string]string // "-> target" for a link
		want      string
	}{
		"a service":                    {"PATH=/bin\x00INVOCATION_ID=abc", service, nil, nil, "systemctl restart echod.service"},
		"after an upgrade":             {"INVOCATION_ID=abc", service, map[string]string{"11": "/usr/sbin/echod (deleted)"}, nil, "systemctl restart echod.service"},
		"this invocation":              {"INVOCATION_ID=abc", service, nil, map[string]string{"run/systemd/units/invocation:echod.service": "-> abc"}, "systemctl restart echod.service"},
		"an earlier invocation":        {"INVOCATION_ID=abc", service, nil, map[string]string{"run/systemd/units/invocation:echod.service": "-> def"}, ""},
		"below the service":            {"INVOCATION_ID=abc", service + "/sub", nil, nil, "systemctl restart echod.service"},
		"of a user":                    {"INVOCATION_ID=abc", "/user.slice/user-7.slice/user@7.service/app.slice/e.service", nil, nil, "systemctl --user restart e.service"},
		"by hand":                      {"PATH=/bin", service, nil, nil, ""},
		"by hand, in a login":          {"PATH=/bin", "/user.slice/user-7.slice/session-3.scope", nil, nil, ""},
		"by hand, in a terminal":       {"INVOCATION_ID=abc", "/user.slice/user-7.slice/user@7.service/app.slice/vte-1.scope", nil, nil, ""},
		"by hand, beside a shell":      {"INVOCATION_ID=abc", "/user.slice/user-7.slice/user@7.service/app.slice/tmux.service", map[string]string{"11": "/bin/tmux", "12": "/bin/bash"}, nil, ""},
		"by hand, the terminal closed": {"INVOCATION_ID=abc", "/user.slice/user-7.slice/user@7.service/app.slice/konsole.service", nil, map[string]string{"run/user/7/systemd/transient/konsole.service": ""}, ""},
		"systemd-run":                  {"INVOCATION_ID=abc", "/system.slice/run-u1.service", nil, map[string]string{"run/systemd/transient/run-u1.service": ""}, ""},
		"the manager of a user":        {"INVOCATION_ID=abc", "/user.slice/user-7.slice/user@7.service/init.scope", nil, nil, ""},
		"a container":                  {"INVOCATION_ID=abc", "/", nil, nil, ""},
	} {
		root := t.TempDir()
		files := map[string]string{
			"proc/10/environ": test.variables + "\x00",
			"proc/10/cgroup":  "4:memory:/other.service\n0::" + test.group + "\n",
			"proc/10/exe":     "-> /usr/sbin/echod",
		}
		pids := "10\n"
		for pid, program := range test.others {
			files["proc/"+pid+"/exe"] = "-> " + program
			pids += pid + "\n"
		}
		files["sys/fs/cgroup"+test.group+"/cgroup.procs"] = pids
		for path, content := range test.files {
			files[path] = content
		}
		makeTree(t, root, files)
		got := ""
		if u := unitOf(root, 10); u != nil {
			got = u.restartCommand()
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func makeTree(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(root, path)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			check(t, os.Symlink(target, path))
			continue
		}
		check(t, os.WriteFile(path, []byte(content), 0o644))
	}
}
