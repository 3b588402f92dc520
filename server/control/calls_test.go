package control

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCalls makes every call of the API with curl, and those that are no calls.
func TestCalls(t *testing.T) {
	f := newFixture(t)
	f.clients.n = 2
	f.start()
	const problem = "application/problem+json"
	tests := []struct {
		name        string
		args        []string
		status      string
		contentType string
		body        string // a part of it
	}{
		{"status", []string{"/v1/status"}, "200", "application/json", `"pid":4711`},
		{"head of status", []string{"-I", "/v1/status"}, "200", "application/json", ""},
		{"connections", []string{"/v1/connections"}, "200", "application/json", "{\"connections\":[\n{\"id\":1,"},
		{"disconnect", []string{"-X", "DELETE", "/v1/connections/2"}, "204", "", ""},
		{"disconnect nobody", []string{"-X", "DELETE", "/v1/connections/99"}, "404", problem, "there is no connection 99"},
		{"disconnect no number", []string{"-X", "DELETE", "/v1/connections/-1"}, "400", problem, `want a number`},
		{"log level", []string{"/v1/log-level"}, "200", "application/json", `{"level":"info"}`},
		{"set log level", []string{"-X", "PUT", "-d", `{"level":"debug"}`, "/v1/log-level"}, "200", "application/json", `{"level":"debug"}`},
		{"set unknown level", []string{"-X", "PUT", "-d", `{"level":"loud"}`, "/v1/log-level"}, "400", problem, `want debug, info, warn or error`},
		{"set level to garbage", []string{"-X", "PUT", "-d", `level=debug`, "/v1/log-level"}, "400", problem, `decode body`},
		{"set level with more than one value", []string{"-X", "PUT", "-d", `{"level":"info"}{}`, "/v1/log-level"}, "400", problem, `decode body`},
		{"set level with a long body", []string{"-X", "PUT", "-d", strings.Repeat(" ", 5000), "/v1/log-level"}, "413", problem, `longer than 4096 bytes`},
		{"reopen", []string{"-X", "POST", "/v1/reopen"}, "200", "application/json", `{"message":"log reopened"}`},
		{"reload, failing", []string{"-X", "POST", "/v1/reload"}, "500", problem, `"detail":"reload: line 7: no such word"`},
		{"drain", []string{"-X", "POST", "/v1/drain"}, "202", "application/json", `{"message":"draining"}`},
		{"stop", []string{"-X", "POST", "/v1/stop"}, "202", "application/json", `{"message":"stopping"}`},
		{"metrics", []string{"/metrics"}, "200", "text/plain; version=0.0.4; charset=utf-8", "echod_connections_active 2\n"},
		{"health", []string{"/healthz"}, "200", "text/plain; charset=utf-8", "ok\n"},
		{"no such path", []string{"/v2/status"}, "404", problem, `"title":"Not Found"`},
		{"wrong method", []string{"-X", "POST", "/v1/status"}, "405", problem, "takes GET, HEAD"},
		{"wrong method of a command", []string{"/v1/stop"}, "405", problem, "takes POST"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, contentType, body := curl(t, f.path, test.args...)
			if status != test.status || contentType != test.contentType || !strings.Contains(body, test.body) {
				t.Errorf("got %s %s %q\nwant %s %s with %q", status, contentType, body, test.status, test.contentType, test.body)
			}
			var p Problem
			if contentType == problem && (json.Unmarshal([]byte(body), &p) != nil || p.Title == "" || p.Status == 0) {
				t.Errorf("not a problem: %s", body)
			}
		})
	}
	if diff := cmp.Diff([]uint64{2}, f.clients.disconnected); diff != "" {
		t.Errorf("disconnected (-want +got):\n%s", diff)
	}
	if got := f.server.Level.Level(); got != slog.LevelDebug {
		t.Errorf("level is %v, want debug", got)
	}
}

// curl calls a path, the last of args, and returns the status, the type and the body of the answer.
func curl(t *testing.T, socket string, args ...string) (status, contentType, body string) {
	t.Helper()
	last := len(args) - 1
	line := append([]string{
		"--silent", "--show-error", "--max-time", "20", "--unix-socket", socket,
		"--write-out", "\n%{http_code} %{content_type}",
	}, args[:last]...)
	cmd := exec.Command("curl", append(line, "http://echod"+args[last])...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	at := bytes.LastIndexByte(out, '\n')
	status, contentType, _ = strings.Cut(string(out[at+1:]), " ")
	return status, contentType, string(out[:at])
}

// TestStatusFields holds the fields that scripts rely on.
func TestStatusFields(t *testing.T) {
	f := newFixture(t)
	f.start()
	_, _, body := curl(t, f.path, "/v1/status")
	want := `{"running":true,"pid":4711,"version":"1.2.3","started_at":"2026-11-21T20:00:00Z","uptime_seconds":10,` +
		`"state":"serving","engine":"epoll","listeners":[{"network":"tcp","address":"127.0.0.1:7007"}],"metrics_listen":"","pid_file":"","control_socket":"",` +
		`"connections":{"active":2,"accepted":40,"refused":3,"limit_reached":true,"limit_reached_times":4},"datagrams":{"received":8,"sent":7,"refused":1,"refused_by_reason":{"rate":1},"dropped":6},"bytes":{"received":1000,"sent":900},` +
		`"rates":{"window_seconds":10,"connections_per_second":4,"bytes_received_per_second":100,"bytes_sent_per_second":90},` +
		`"limits":{"max_connections":0,"max_connections_per_source":0,"connection_rate_per_source":0,"idle_timeout_seconds":0,"drain_timeout_seconds":0},` +
		`"log":{"file":"/var/log/echod.log","level":"info","lines_dropped":5}}` + "\n"
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// TestHealthWhileEnding: clients should be sent elsewhere.
func TestHealthWhileEnding(t *testing.T) {
	f := newFixture(t)
	f.status.State = Draining
	f.start()
	status, _, body := curl(t, f.path, "/healthz")
	if status != "503" || !strings.Contains(body, "the server is draining") {
		t.Errorf("got %s %q", status, body)
	}
}

// TestNotOffered: a control that a server does not have is said not to be there.
func TestNotOffered(t *testing.T) {
	f := newFixture(t)
	f.server.Controls = Controls{}
	f.start()
	for _, r := range f.server.routes() {
		status, _, body := curl(t, f.path, "-X", r.method, strings.Replace(r.path, "{id}", "1", 1))
		if status != "501" || !strings.Contains(body, "does not offer "+strings.TrimSuffix(r.path, "{id}")) {
			t.Errorf("%s %s: got %s %q", r.method, r.path, status, body)
		}
	}
}

// TestChangesAreLogged, and looks are not.
func TestChangesAreLogged(t *testing.T) {
	f := newFixture(t)
	f.start()
	curl(t, f.path, "/v1/status")
	curl(t, f.path, "-X", "POST", "/v1/reload")
	f.log.await(t, `msg="control request" method=POST path=/v1/reload status=500`)
	if text := f.log.text.String(); strings.Contains(text, "/v1/status") {
		t.Errorf("a look was logged:\n%s", text)
	}
}

// FuzzCall: every refusal is a problem, and only what makes sense is accepted.
func FuzzCall(f *testing.F) {
	f.Add("PUT", "/v1/log-level", `{"level":"warn"}`)
	f.Add("PUT", "/v1/log-level", `{"level":{}}`)
	f.Add("DELETE", "/v1/connections/2", "")
	f.Add("DELETE", "/v1/connections/%32", "")
	f.Add("BREW", "/v1/connections/", "x")
	fx := newFixture(f)
	fx.clients.n = 3
	mux := fx.server.mux(fx.server.routes())
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://echod/", strings.NewReader(body))
		if err != nil {
			return
		}
		if r.URL.Path, err = url.PathUnescape(path); err != nil {
			return
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var p Problem
		if w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Status != w.Code || p.Detail == "") {
			t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		}
	})
}
