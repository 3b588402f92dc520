package control

import (
	"bytes"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestMetrics has Prometheus's own tool judge the text, and looks at values itself.
func TestMetrics(t *testing.T) {
	f := newFixture(t)
	f.status.Version = "1.2.3 \"odd\\\n"
	f.start()
	_, _, body := curl(t, f.path, "/metrics")
	promtool(t, body)
	for _, line := range []string{
		`echod_build_info{version="1.2.3 \"odd\\\n",goversion="go1.`,
		`echod_state{state="serving"} 1`,
		`echod_state{state="draining"} 0`,
		"echod_connections_active 2\n",
		"echod_connections_limit +Inf\n",
		"echod_connections_at_limit 1\n",
		"echod_connections_limit_reached_total 4\n",
		"echod_connections_accepted_total 40\n",
		"echod_connections_refused_total 3\n",
		"echod_datagrams_received_total 8\n",
		"echod_datagrams_sent_total 7\n",
		`echod_datagrams_refused_total{reason="rate"} 1`,
		"echod_datagrams_dropped_total 6\n",
		"echod_received_bytes_total 1000\n",
		"echod_sent_bytes_total 900\n",
		"echod_log_lines_dropped_total 5\n",
		"echod_log_failing 0\n",
		"echod_log_lines_waiting 0\n",
		"process_start_time_seconds 1.7952912e+09\n", // 2026-11-21
		"\nprocess_cpu_seconds_total ",
		"\nprocess_max_fds ",
		"\ngo_goroutines ",
		"\ngo_memstats_alloc_bytes ",
		"\ngo_gc_cycles_total ",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("there is no %q in\n%s", line, body)
		}
	}
}

// TestMetricsOfDropsUnknown: a count that is not known is left out, not 0.
func TestMetricsOfDropsUnknown(t *testing.T) {
	f := newFixture(t)
	f.status.Datagrams.Dropped = nil
	f.start()
	_, _, body := curl(t, f.path, "/metrics")
	promtool(t, body)
	if strings.Contains(body, "\nechod_datagrams_dropped_total") {
		t.Errorf("there are drops in\n%s", body)
	}
}

// promtool fails the test if it has anything to say.
func promtool(t *testing.T, text string) {
	t.Helper()
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Errorf("promtool: %v\n%s\nabout\n%s", err, &said, text)
	}
}

// TestMetricsOverTCP: what may be seen from the network is there, and nothing else is.
func TestMetricsOverTCP(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serve(l, f.server.ServeMetrics)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]int{
		"/metrics": 200, "/healthz": 200, "/v1/status": 404, "/v1/connections": 404, "/v1/stop": 404, "/": 404,
	} {
		response, err := client.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: got %s, want %d", path, response.Status, want)
		}
	}
}
